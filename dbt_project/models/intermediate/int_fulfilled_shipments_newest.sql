{{ newest_by_key('fulfilled_shipments') }}
