"""The figures of Qiu & Huang (arXiv 2401.10009) compared with the converged theory; README.md says what was found.

`tables` reads the published values and those of the runs, `protocol` and `protocol_static` are the published
algorithms, `runs` repeats them at every published point and `experiments` beyond their stopping rule. `compare` makes
one table of it all, `findings` the sentences, `figures` the figures and `page` one self-contained HTML page.
"""
