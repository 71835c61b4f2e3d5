"""Why an item was rejected: one code each, with what it means. Rejects are rows, never silence."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Reject reason codes, as written to the `rejects` table."""

    audio_missing = "audio_missing"  # a transcript whose audio file is not there
    audio_unreadable = "audio_unreadable"  # the file does not decode (truncated, 0 bytes, not audio)
    audio_changed = "audio_changed"  # the file's bytes are not those that were prepared or imported
    outside_corpus = "outside_corpus"  # a link out of the corpus's folder, which nothing asks to follow
    unsupported_audio = "unsupported_audio"  # a source, transform or rate that is not decoded here
    not_finite = "not_finite"  # a sample that is NaN or infinite
    channels_differ = "channels_differ"  # several channels, and nothing says which one is heard
    channel_missing = "channel_missing"  # a cut hears a channel that its recording does not have
    other_channel = "other_channel"  # a supervision of a channel that its cut does not hear
    text_missing = "text_missing"  # audio without a transcript or label
    empty_text = "empty_text"  # a transcript with nothing to say
    not_speech = "not_speech"  # a tone, silence or effect in a speech corpus
    not_sound = "not_sound"  # spoken words in a corpus of sounds
    target_missing = "target_missing"  # no translation or answer
    too_short = "too_short"
    too_long = "too_long"
    silent = "silent"  # digital silence, or no sample above the floor
    clipped = "clipped"  # too many samples at full scale
    duplicate = "duplicate"  # byte-identical to another recording
    duplicate_id = "duplicate_id"  # an id that another row or file of the corpus has; the detail names both places
    transcript_too_long = "transcript_too_long"  # more tokens than frames can carry
    no_speech = "no_speech"  # the aligner found no speech
    oov_word = "oov_word"  # a word that no lexicon or rule can pronounce, or no CTC vocabulary spell
    low_score = "low_score"  # aligned, but below the acceptance score
    aligner_failed = "aligner_failed"
    encoder_failed = "encoder_failed"
    duration_mismatch = "duration_mismatch"  # the source claims another length than the audio decodes to
    bad_row = "bad_row"  # a manifest row that breaks the contract
    unsupported_language = "unsupported_language"  # the backend has no model of that language
    pass_failed = "pass_failed"  # the pass raised, died or said nothing on this cut
    out_of_scope = "out_of_scope"  # a part of a corpus that its recipe leaves out on purpose
    not_said = "not_said"  # words of a long text that the recording lacks
