{{ newest_by_key('orders') }}
