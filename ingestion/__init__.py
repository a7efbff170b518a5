"""How bytes get in: connectors, decoding, the lake and the ledger; what the data must look like is said in data_contracts."""
