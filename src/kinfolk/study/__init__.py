"""Study: a question, its variants and seeds; what is missing is trained, all is measured, compared and reported."""
