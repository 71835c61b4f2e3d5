"""Ends of names that audio files have: what is taken for sound in a folder where nothing else says so."""

ENDINGS = frozenset(
    (".aac", ".ac3", ".aif", ".aifc", ".aiff", ".amr", ".au", ".caf", ".flac", ".g722", ".gsm", ".m4a", ".mka", ".mp3",
     ".mp4", ".nist", ".oga", ".ogg", ".opus", ".rf64", ".snd", ".sph", ".tta", ".w64", ".wav", ".webm", ".wma", ".wv")
)  # fmt: skip
