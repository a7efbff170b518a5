{{ newest_by_key('ledger_detail') }}
