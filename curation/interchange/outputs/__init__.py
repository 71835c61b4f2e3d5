"""Cuts with their audio out, as other tools' data folders: NeMo, Kaldi."""
