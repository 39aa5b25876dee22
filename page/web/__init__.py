"""HTTP and HTML: the addresses, what each answers, and what keeps other sites out."""
