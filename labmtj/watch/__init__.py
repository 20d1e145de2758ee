"""A page that shows a run as it goes, from its journal alone, and two buttons that reach its process.

Layers of this package, bottom up: `tail` reads what is new in a journal, `cells`, `history`, `steps`, `measured` and
`accuracy` take its entries, `picture` joins them, `wiring` and `instruments` say what the bench file adds, `watching`
keeps the picture of one run, or of the run of a bench, up to date, `commands` stop it or make its bench safe, and
`server` gives all of it to browsers on this machine.

Why these libraries: Starlette and uvicorn are small, typed, well kept and need nothing else of note; they route, stream
and refuse, and bring no page of their own. plotly.js draws the map and the charts: it comes in one file with the
pip package `plotly` (MIT), so that nothing is loaded from outside; a heat map of it is an image and not 20,000
elements, with hover, zoom, scales that colour-blind people can read, and it runs without `eval` (measured in headless
Chromium with 200 x 100 cells: 0.19 s for the first picture, 0.05 s for each new one).
"""
