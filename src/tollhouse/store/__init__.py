"""The only room that knows LMDB: journal, state, records, snapshot. `interface` is what the engine sees."""
