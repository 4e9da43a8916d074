"""Asking the hosted service what its pages leave open: ``aivideo probe``.

``orders`` says what is sent and what it may cost, ``questions`` what is asked and how an answer is read; both are pure.
``running`` sends, ``folder`` writes, and everything that is written passes ``redaction``.
"""
