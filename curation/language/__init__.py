"""Which language a text is written in, and what classifiers of audio call languages."""

from curation.language.labels import code_of as code_of
from curation.language.written import guess_language as guess_language
