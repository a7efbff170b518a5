{{ newest_by_key('reviews') }}
