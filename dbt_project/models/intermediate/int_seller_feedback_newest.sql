{{ newest_by_key('seller_feedback') }}
