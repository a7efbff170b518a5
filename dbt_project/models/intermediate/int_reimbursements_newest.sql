{{ newest_by_key('reimbursements') }}
