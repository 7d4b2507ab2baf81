"""The order of the steps. This floor joins the rooms, plans, runs what is not done, and alone writes the ledger.

`orders.py` turns ingest's plan into work orders with published names; `pixel_path.py` joins de-identification and
conversion, so that each source file is opened once; `phi_gate.py` and `phi_search.py` look for identifiers in all that lies below the wall;
`executor.py` runs units in this process, `cluster.py` in several, `crew.py` being the processes and `worker.py` what runs in
them; `run.py` is the story.
"""
