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
                              -- language | mos | quality | speaker | speech | suspicion | tag
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
  seconds DOUBLE NOT NULL,    -- audio seconds (text-only rows: their equivalent), for batching
  trained_text VARCHAR        -- what training reads in place of the cut's text, where the mixture's query gives another
                              -- one (column `text`); NULL: the cut's own. A plan that gives none has no such column
);

-- One row per training run.
CREATE TABLE runs (
  run     VARCHAR NOT NULL,   -- the run's name; of two that share it with the study before it: STUDY/NAME
  stage   VARCHAR NOT NULL,   -- alignment | shrinking | sft
  plan    VARCHAR NOT NULL,   -- fingerprint of its plan: plan_sha256 in `locks`
  parent  VARCHAR,            -- folder of the run it started from
  steps   INTEGER NOT NULL,   -- optimiser steps done
  seconds DOUBLE  NOT NULL,   -- training time
  settings VARCHAR NOT NULL,  -- JSON
  key     VARCHAR,            -- fingerprint of settings, plan, code version and start: equal keys, equal runs
  start   VARCHAR,            -- fingerprint of the weights that it started from
  status  VARCHAR,            -- running | done
  version VARCHAR,            -- of the code
  cpu_seconds DOUBLE,         -- processor time of the first process
  study   VARCHAR,            -- of `results`: the folder that it was found in
  folder  VARCHAR             -- where it lies
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

-- One row per cut that somebody has listened to and marked (`soundwave explore`), in reviews/reviews.parquet beside the
-- catalog.
CREATE TABLE reviews (
  cut_id    VARCHAR NOT NULL,  -- of `cuts`
  mark      VARCHAR NOT NULL,  -- what was found
  note      VARCHAR,           -- in the listener's words
  text      VARCHAR,           -- of the cut as it was then: a text that was corrected since is another
  right_text VARCHAR,          -- what is said, if the listener wrote it down; a mixture's query may give it as `text`
  marked_at VARCHAR NOT NULL,  -- when, in UTC: 2026-01-31T12:00:00+00:00
  CHECK (mark IN ('ok', 'wrong_text', 'wrong_label', 'bad_audio'))
);

-- One row per optimiser step of a run.
CREATE TABLE steps (
  run           VARCHAR NOT NULL,  -- of `runs`
  step          INTEGER NOT NULL,  -- from 0
  steps         INTEGER,        -- that the run is to have
  loss          DOUBLE,         -- what was learnt by
  lm_loss       DOUBLE,         -- next-token loss, mean over the step's answers
  ctc_loss      DOUBLE,         -- per target token
  learning_rate DOUBLE,         -- of that step
  gradient_norm DOUBLE,         -- before it was clipped
  draws         INTEGER,        -- rows of the plan in it
  frames        BIGINT,         -- adapter frames in
  kept_frames   BIGINT,         -- positions after shrinking
  unfit         INTEGER,        -- draws whose CTC target was refused
  bad           INTEGER,        -- draws whose cut could not be read
  seconds       DOUBLE,         -- training time so far
  cpu_seconds   DOUBLE          -- processor time so far
);

-- One row per cell and stage of a study (`soundwave ablate`). Beside these columns it has one for every figure that a
-- study measured (ctc_wer, bleu, ...), and NAME_low and NAME_high for its 95 % band; `outcomes` has them as rows.
CREATE TABLE results (
  study         VARCHAR NOT NULL,  -- name of the folder of ablations; of two of one name with the folder before it
  grid          VARCHAR NOT NULL,  -- name of the grid
  cell          VARCHAR NOT NULL,  -- arm, size and seed
  arm           VARCHAR,        -- of the grid
  fraction      DOUBLE,         -- share of each domain's candidates
  seed          BIGINT,         -- of data order, subset and initial weights
  stage         VARCHAR,        -- alignment | shrinking | sft
  position      INTEGER,        -- place of the stage in its arm, from 1
  last          BOOLEAN,        -- is it the arm's last stage?
  hours         DOUBLE,         -- different audio that the chain has seen so far
  steps         INTEGER,        -- of this stage
  wall_seconds  DOUBLE,         -- of the chain so far
  cpu_seconds   DOUBLE,         -- of the chain so far
  clips         INTEGER,        -- evaluated
  words         INTEGER,        -- in their references
  run           VARCHAR,        -- of `runs`
  plan          VARCHAR,        -- of `plans` and `locks`: what this stage was trained on
  evaluation    VARCHAR,        -- file of its evaluation
  "key"         VARCHAR,        -- of the training, as the study planned it
  wer_unit      VARCHAR,        -- of error rates and words: words, or characters
  design        VARCHAR,        -- of the training, whatever build of the catalog it had
  "catalog"     VARCHAR         -- fingerprint of that build
);

-- One row per figure of a row of `results`.
CREATE TABLE outcomes (
  study    VARCHAR NOT NULL,    -- of `results`
  grid     VARCHAR NOT NULL,    -- of `results`
  cell     VARCHAR NOT NULL,    -- of `results`
  arm      VARCHAR,             -- of `results`
  seed     BIGINT,              -- of `results`
  stage    VARCHAR,             -- of `results`
  last     BOOLEAN,             -- of `results`
  hours    DOUBLE,              -- of `results`
  run      VARCHAR,             -- of `runs`
  outcome  VARCHAR NOT NULL,    -- name of the figure
  value    DOUBLE NOT NULL,     -- as measured
  low      DOUBLE,              -- lower end of its 95 % band
  high     DOUBLE,              -- upper end
  better   VARCHAR              -- lower | higher; NULL: not known
);

-- One row per clip that an outcome was measured on.
CREATE TABLE clips (
  study    VARCHAR NOT NULL,    -- of `results`
  grid     VARCHAR NOT NULL,    -- of `results`
  cell     VARCHAR NOT NULL,    -- of `results`
  arm      VARCHAR,             -- of `results`
  seed     BIGINT,              -- of `results`
  stage    VARCHAR,             -- of `results`
  outcome  VARCHAR NOT NULL,    -- of `outcomes`
  item     VARCHAR NOT NULL,    -- the cut
  "group"  VARCHAR,             -- clips that belong together: of a speaker, where that is known
  value    DOUBLE,              -- of this clip
  weight   DOUBLE               -- what it counts in the outcome, e.g. its words
);

-- One row per lock: of each plan, and of each run the copy that it was trained by.
CREATE TABLE locks (
  study               VARCHAR,  -- the folder that it was found in; NULL for plans beside the catalog
  plan                VARCHAR,  -- of `plans`; NULL for a run's copy
  run                 VARCHAR,  -- of `runs`; NULL for a plan's own
  name                VARCHAR,  -- of the mixture
  stage               VARCHAR,  -- alignment | shrinking | sft
  plan_sha256         VARCHAR,  -- of plan.parquet
  catalog             VARCHAR,  -- folder, as it was named
  catalog_fingerprint VARCHAR,  -- of the catalog's rows
  query               VARCHAR,  -- what chose the cuts
  query_sha256        VARCHAR,  -- its fingerprint
  mixture_sha256      VARCHAR,  -- of every setting, query and rules included
  code                VARCHAR,  -- which draws a mixture gives
  seed                BIGINT,   -- of the order
  unit                VARCHAR,  -- of budget and shares
  budget              DOUBLE,   -- in units
  batch_seconds       DOUBLE,   -- of a step
  steps               INTEGER,  -- of the plan
  draws               BIGINT,   -- of the plan
  seconds             DOUBLE,   -- of all draws
  relabelled          BIGINT,   -- cuts that are trained on another text than the catalog's (trained_text in `plans`)
  settings            VARCHAR   -- JSON: the whole mixture but its query
);

-- One row per SQL text that a lock's plan was chosen by: its query, and its rules of cleaning.
CREATE TABLE rules (
  study    VARCHAR,             -- of `locks`
  plan     VARCHAR,             -- of `locks`
  run      VARCHAR,             -- of `locks`
  kind     VARCHAR NOT NULL,    -- query | rules
  name     VARCHAR,             -- of the file; NULL: it stood in the mixture
  sql      VARCHAR NOT NULL,    -- the text
  sha256   VARCHAR NOT NULL,    -- of the text
  settings VARCHAR              -- JSON: what replaced the settings of the file
);

-- One row per labelling pass over a corpus (pass.json).
CREATE TABLE label_settings (
  pass      VARCHAR,            -- of `labels`
  corpus    VARCHAR,            -- of `cuts`
  version   VARCHAR,            -- of the pass
  soundwave VARCHAR,            -- version of the code
  settings  VARCHAR,            -- JSON: all that changes the labels
  shards    INTEGER,            -- that are current
  cuts      BIGINT,             -- that it looked at
  labelled  BIGINT,             -- of these
  rejected  BIGINT,             -- of these
  folder    VARCHAR             -- where it lies
);

-- One row per prepared corpus (corpus.json).
CREATE TABLE corpora (
  corpus     VARCHAR,           -- of `cuts`
  title      VARCHAR,           -- for people
  license    VARCHAR,           -- SPDX identifier
  makers     VARCHAR,           -- who made it
  cuts       BIGINT,            -- with audio
  texts      BIGINT,            -- text-only rows
  rejects    BIGINT,            -- that were refused
  hours      DOUBLE,            -- of audio
  provenance VARCHAR,           -- JSON: recipe, settings, fingerprints of what was read
  folder     VARCHAR            -- where it lies
);

-- One row per part of the catalog; the catalog's fingerprint is made of their digests.
CREATE TABLE parts (
  "table" VARCHAR NOT NULL,     -- cuts, labels, ...
  corpus  VARCHAR NOT NULL,     -- of `cuts`
  name    VARCHAR NOT NULL,     -- prepare, cuts, or the labelling pass
  rows    BIGINT NOT NULL,      -- in it
  hours   DOUBLE,               -- of audio
  digest  VARCHAR NOT NULL      -- of its rows, whatever their order
);
