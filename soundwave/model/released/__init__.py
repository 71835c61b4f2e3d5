"""The weights that the paper's authors released, and models out of them."""
