{{ newest_by_key('finance_transactions') }}
