-- The catalog: one Parquet table each, partitioned by corpus. Times in seconds unless a name says otherwise.
-- This file is the one place that says what a row is. Arrow schemas, the reading and the check of manifests
-- (curation/catalog, manifests/rows/validate.py) and docs/schema.md are made from it.
--
-- In `cuts`, brackets say where a value is read in a manifest's row; of several places the first that holds one counts.
--   [cut.custom.split]         a path in a Lhotse cut; of a MixedCut without it, in its first track that is no padding
--   [supervision.speaker]      a path in the cut's first supervision
--   [supervisions.text]        the same of all supervisions: texts joined by a space, lists one after another
--   [row.split]                a path in a text-only row
--   [cut.recording.sources.0]  an item of a list, from 0;  [len(cut.recording.channel_ids)]  the length of a list
--   [cut.id!]                  a row of that kind needs it, and not empty
-- A unit may stand in parentheses after the brackets.
-- CHECK knows NAME IN (...), NAME > 0 and NAME >= 0, and looks at values that a row gives; numbers are finite.
-- A new optional column is one line here, e.g.
--   snr               DOUBLE,            -- [supervision.custom.snr] (dB) signal-to-noise ratio

-- One row per cut (a span of a recording with its supervision) or text-only item.
CREATE TABLE cuts (
  cut_id            VARCHAR NOT NULL,  -- [cut.id! | row.id!] unique over the whole catalog: CORPUS-ID
  recording_id      VARCHAR,           -- [cut.recording.id!] NULL for text-only rows
  corpus            VARCHAR NOT NULL,  -- [cut.custom.corpus | row.corpus] e.g. asterisk; by default the folder's name
  split             VARCHAR NOT NULL,  -- [cut.custom.split! | row.split!] train | dev | test
  domain            VARCHAR NOT NULL,  -- [cut.custom.domain | row.domain] what shares are given over unless a
                                       -- mixture's query says otherwise; by default the task
  task              VARCHAR NOT NULL,  -- [cut.custom.task! | row.task!] asr | st | sound | qa | ...
  start             DOUBLE  NOT NULL,  -- [cut.start!] (seconds) in the recording; 0 for mixed cuts and text-only rows
  duration          DOUBLE  NOT NULL,  -- [cut.duration!] (seconds) 0 for text-only rows
  language          VARCHAR,           -- [supervision.language | row.language] of `text`, ISO 639-1
  target_language   VARCHAR,           -- [supervision.custom.target_language | row.language] of `target_text`
  speaker           VARCHAR,           -- [supervision.speaker] who speaks, unique in the corpus
  text              VARCHAR,           -- [supervisions.text | row.text!] what is said (or asked, in text-only rows)
  target_text       VARCHAR,           -- [supervisions.custom.target_text | row.target_text!] translation or answer;
                                       -- NULL when the transcript is the target
  sound             VARCHAR[],         -- [supervisions.custom.sound] labels from the AudioSet ontology
  sound_original    VARCHAR,           -- [supervisions.custom.sound_original] the corpus's own label
  sampling_rate     INTEGER,           -- [cut.recording.sampling_rate] (Hz) of the source
  channels          INTEGER,           -- [len(cut.recording.channel_ids)] of the source
  channel           VARCHAR,           -- [cut.channel] of the source, that the cut hears: 0, or several as [0,1]
  source_path       VARCHAR,           -- [cut.recording.sources.0.source] audio file
  license           VARCHAR,           -- [cut.custom.license | row.license] SPDX identifier
  audio_sha256      VARCHAR,           -- [cut.custom.audio_sha256] fingerprint of the audio file's bytes
  decoding          VARCHAR,           -- the JSONL row of a cut whose sound takes more than source_path, start and
                                       -- duration (channels, several files, transforms); NULL for plain mono files
  manifest          VARCHAR NOT NULL,  -- the JSONL row itself, so that nothing is lost on the way back
  CHECK (split IN ('train', 'dev', 'test')),
  CHECK (task IN (
    'asr', 'st', 'sound', 'qa',
    -- Of the paper's stage III alone. The target_text of grounding is `WORD: 0.52 to 0.80 s`: what to ask for, and when.
    'age', 'chat', 'emotion', 'entity', 'gender', 'grounding', 'instruction', 'intent', 'language', 'speakers',
    'synthetic'
  )),
  CHECK (start >= 0),
  CHECK (duration > 0 OR recording_id IS NULL)
);

-- One row per aligned word.
CREATE TABLE words (
  cut_id   VARCHAR NOT NULL,  -- of `cuts`
  backend  VARCHAR NOT NULL,  -- which aligner
  position INTEGER NOT NULL,  -- 0-based place in the transcript
  symbol   VARCHAR NOT NULL,  -- the word as the transcript spells it
  start    DOUBLE  NOT NULL,  -- from the start of the cut
  duration DOUBLE  NOT NULL,  -- of the word
  score    DOUBLE,            -- mean log-probability per frame, or NULL
  flag     VARCHAR            -- number | symbol (spelled out), wildcard (it could not be spelled), or NULL
);

-- One row per label that a pass put on a cut.
CREATE TABLE labels (
  pass   VARCHAR NOT NULL,    -- agree | align | encode | fingerprint | hallucination |
                              -- language | mos | quality | speaker | speech | tag
  cut_id VARCHAR NOT NULL,    -- of `cuts`
  name   VARCHAR NOT NULL,    -- e.g. wer, snr (dB), bandwidth (Hz), speech_share, tag
  value  DOUBLE,              -- for labels that are numbers
  text   VARCHAR              -- for labels that are not numbers
);

-- One row per item that a recipe or pass refused.
CREATE TABLE rejects (
  cut_id VARCHAR NOT NULL,    -- of the item; a line that is no JSON has FILE:LINE
  corpus VARCHAR NOT NULL,    -- as in `cuts`
  pass   VARCHAR NOT NULL,    -- prepare, or the labelling pass
  reason VARCHAR NOT NULL,    -- a code from manifests/reasons.py
  detail VARCHAR              -- what was found
);

-- One row per cut whose encoder output is stored: rows [offset, offset + frames) of a .npy matrix.
CREATE TABLE features (
  cut_id   VARCHAR NOT NULL,  -- of `cuts`
  encoder  VARCHAR NOT NULL,  -- e.g. moonshine-tiny-en
  variant  VARCHAR NOT NULL,  -- plain | an augmentation such as speed=0.9
  path     VARCHAR NOT NULL,  -- .npy file, (rows, dim) float16
  "offset" BIGINT  NOT NULL,  -- first row of the cut's frames in the matrix
  frames   INTEGER NOT NULL,  -- rows of the cut
  dim      INTEGER NOT NULL,  -- columns: the encoder's width
  frame_rate DOUBLE NOT NULL  -- frames per second
);

-- One row per cut and model that gave it a vector: `speaker` says whose voice it sounds like.
CREATE TABLE embeddings (
  pass   VARCHAR NOT NULL,    -- speaker
  cut_id VARCHAR NOT NULL,    -- of `cuts`
  model  VARCHAR NOT NULL,    -- e.g. resemblyzer; vectors of two models cannot be compared
  vector FLOAT[] NOT NULL     -- of length 1: the sum of products of two (list_dot_product) is their likeness, 1 at most
);

-- One row per draw of a plan, in training order.
CREATE TABLE plans (
  step   INTEGER NOT NULL,    -- optimiser step, from 0
  slot   INTEGER NOT NULL,    -- place in the step's global batch
  cut_id VARCHAR NOT NULL,    -- of `cuts`
  domain VARCHAR NOT NULL,    -- the share it was drawn for
  repeat INTEGER NOT NULL,    -- 0 for a cut's first use
  units  DOUBLE  NOT NULL,    -- what the draw costs, in the mixture's unit
  seconds DOUBLE NOT NULL     -- audio seconds (text-only rows: their equivalent), for batching
);

-- One row per training run.
CREATE TABLE runs (
  run     VARCHAR NOT NULL,   -- the run's name
  stage   VARCHAR NOT NULL,   -- alignment | shrinking | sft
  plan    VARCHAR NOT NULL,   -- fingerprint of its lock
  parent  VARCHAR,            -- the run it started from
  steps   INTEGER NOT NULL,   -- optimiser steps done
  seconds DOUBLE  NOT NULL,   -- training time
  settings VARCHAR NOT NULL   -- JSON
);

-- One row per trained draw.
CREATE TABLE ledger (
  run         VARCHAR NOT NULL,  -- of `runs`
  step        INTEGER NOT NULL,  -- optimiser step, from 0
  cut_id      VARCHAR NOT NULL,  -- of `cuts`
  domain      VARCHAR NOT NULL,  -- the share it was drawn for
  loss        DOUBLE,         -- next-token loss, mean over the answer's tokens
  ctc_loss    DOUBLE,         -- per target token
  frames      INTEGER,        -- adapter frames in
  kept_frames INTEGER,        -- positions after shrinking
  reason      VARCHAR,        -- why its CTC target was refused, or, without frames, why its cut was left out
  detail      VARCHAR         -- what was found
);
