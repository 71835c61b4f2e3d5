"""Other tools' corpora in (NeMo manifests, Kaldi folders, Hugging Face datasets), and cuts with their audio out."""
