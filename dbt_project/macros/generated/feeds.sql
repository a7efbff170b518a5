{# made by `python -m data_contracts.generate` from data_contracts/; edit there, not here #}

{# window, keyed or snapshot #}
{% macro feed_merge(feed) %}
  {% set values = {
    "customer_feedback": "keyed",
    "decisions": "keyed",
    "fba_returns": "window",
    "finance_transactions": "keyed",
    "fulfilled_shipments": "keyed",
    "grade_resell": "keyed",
    "inventory": "snapshot",
    "ledger_detail": "keyed",
    "listings": "keyed",
    "mfn_returns": "keyed",
    "orders": "keyed",
    "reimbursements": "keyed",
    "removals": "keyed",
    "replacements": "keyed",
    "reviews": "keyed",
    "seller_feedback": "keyed",
    "settlements": "keyed",
  } %}
  {{ return(values[feed]) }}
{% endmacro %}

{# physical columns of the key; empty unless keyed #}
{% macro feed_key(feed) %}
  {% set values = {
    "customer_feedback": ["resource", "marketplace_id", "asin", "browse_node_id", "range_start_at", "range_start_day", "range_end"],
    "decisions": ["decision_id"],
    "fba_returns": [],
    "finance_transactions": ["transaction_id"],
    "fulfilled_shipments": ["shipment_item_id"],
    "grade_resell": ["lpn", "order_id"],
    "inventory": [],
    "ledger_detail": ["event_date_at", "event_date_day", "fnsku", "event_type", "reference_id", "fulfillment_center", "disposition", "reason"],
    "listings": ["sku"],
    "mfn_returns": ["amazon_rma_id", "order_id", "asin", "merchant_sku"],
    "orders": ["order_id", "sku"],
    "reimbursements": ["reimbursement_id"],
    "removals": ["removal_order_id", "sku", "fnsku", "disposition"],
    "replacements": ["replacement_order_id", "sku"],
    "reviews": ["review_id", "asin"],
    "seller_feedback": ["order_id"],
    "settlements": ["settlement_id"],
  } %}
  {{ return(values[feed]) }}
{% endmacro %}

{# physical columns of the key where the first key column is blank; empty: there is none #}
{% macro feed_fallback_key(feed) %}
  {% set values = {
    "customer_feedback": [],
    "decisions": [],
    "fba_returns": [],
    "finance_transactions": ["transaction_type", "posted_date_at", "posted_date_day", "total_amount", "order_id"],
    "fulfilled_shipments": ["order_id", "shipment_id", "sku", "shipment_date_at", "shipment_date_day"],
    "grade_resell": ["order_id", "manual_order_item_id", "sku", "asin", "event_date_at", "event_date_day"],
    "inventory": [],
    "ledger_detail": [],
    "listings": [],
    "mfn_returns": ["order_id", "asin", "merchant_sku", "return_request_date_at", "return_request_date_day"],
    "orders": [],
    "reimbursements": ["approval_date_at", "approval_date_day", "order_id", "sku", "fnsku", "reason"],
    "removals": [],
    "replacements": ["original_order_id", "sku", "shipment_date_at", "shipment_date_day"],
    "reviews": ["asin", "reviewer_id", "review_date_at", "review_date_day", "rating", "title", "body"],
    "seller_feedback": ["feedback_date_at", "feedback_date_day", "rating", "comments"],
    "settlements": [],
  } %}
  {{ return(values[feed]) }}
{% endmacro %}

{# physical columns that tell a row apart where a file without a window restates rows #}
{% macro feed_identity(feed) %}
  {% set values = {
    "customer_feedback": [],
    "decisions": [],
    "fba_returns": ["return_date_at", "return_date_day", "order_id", "sku", "asin", "fnsku", "fulfillment_center_id", "reason", "license_plate_number"],
    "finance_transactions": [],
    "fulfilled_shipments": [],
    "grade_resell": [],
    "inventory": [],
    "ledger_detail": [],
    "listings": [],
    "mfn_returns": [],
    "orders": [],
    "reimbursements": [],
    "removals": [],
    "replacements": [],
    "reviews": [],
    "seller_feedback": [],
    "settlements": [],
  } %}
  {{ return(values[feed]) }}
{% endmacro %}

{# physical day column of the event, or an empty string for snapshots #}
{% macro feed_event_day(feed) %}
  {% set values = {
    "customer_feedback": "asked_at_day",
    "decisions": "decided_at_day",
    "fba_returns": "return_date_day",
    "finance_transactions": "posted_date_day",
    "fulfilled_shipments": "shipment_date_day",
    "grade_resell": "event_date_day",
    "inventory": "",
    "ledger_detail": "event_date_day",
    "listings": "",
    "mfn_returns": "return_request_date_day",
    "orders": "purchase_date_day",
    "reimbursements": "approval_date_day",
    "removals": "request_date_day",
    "replacements": "shipment_date_day",
    "reviews": "review_date_day",
    "seller_feedback": "feedback_date_day",
    "settlements": "posted_date_day",
  } %}
  {{ return(values[feed]) }}
{% endmacro %}

{# report types whose windows are days of the last change #}
{% macro feed_update_types(feed) %}
  {% set values = {
    "customer_feedback": [],
    "decisions": [],
    "fba_returns": [],
    "finance_transactions": [],
    "fulfilled_shipments": [],
    "grade_resell": [],
    "inventory": [],
    "ledger_detail": [],
    "listings": [],
    "mfn_returns": [],
    "orders": ["GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL"],
    "reimbursements": [],
    "removals": [],
    "replacements": [],
    "reviews": [],
    "seller_feedback": [],
    "settlements": [],
  } %}
  {{ return(values[feed]) }}
{% endmacro %}

{# all physical columns in order #}
{% macro feed_columns(feed) %}
  {% set values = {
    "customer_feedback": ["_store", "_delivery_id", "_line_number", "asked_at_at", "asked_at_day", "resource", "marketplace_id", "asin", "answered_asin", "browse_node_id", "browse_node_name", "range_start_at", "range_start_day", "range_end", "topic", "subtopic", "sentiment", "mentions", "share", "star_rating_impact", "parent_share", "node_share", "node_top_share"],
    "decisions": ["_store", "_delivery_id", "_line_number", "decision_id", "case_id", "kind", "order_id", "asin", "decision", "amount", "currency", "note", "decided_by", "decided_at_at", "decided_at_day"],
    "fba_returns": ["_store", "_delivery_id", "_line_number", "return_date_at", "return_date_day", "order_id", "sku", "asin", "fnsku", "product_name", "quantity", "fulfillment_center_id", "detailed_disposition", "reason", "status", "license_plate_number", "customer_comments"],
    "finance_transactions": ["_store", "_delivery_id", "_line_number", "transaction_id", "transaction_type", "transaction_status", "description", "posted_date_at", "posted_date_day", "total_amount", "currency", "marketplace_id", "marketplace_name", "order_id", "shipment_id", "refund_id", "settlement_id", "financial_event_group_id", "deferred_transaction_id", "release_transaction_id", "item_number", "item_description", "asin", "sku", "quantity", "fulfillment_network", "amount_number", "amount_path", "amount_type", "amount"],
    "fulfilled_shipments": ["_store", "_delivery_id", "_line_number", "order_id", "merchant_order_id", "shipment_id", "shipment_item_id", "order_item_id", "merchant_order_item_id", "purchase_date_at", "purchase_date_day", "payments_date_at", "payments_date_day", "shipment_date_at", "shipment_date_day", "reporting_date_at", "reporting_date_day", "sku", "product_name", "quantity_shipped", "currency", "item_price", "item_tax", "shipping_price", "shipping_tax", "gift_wrap_price", "gift_wrap_tax", "item_promotion_discount", "ship_promotion_discount", "ship_country", "carrier", "estimated_arrival_date_at", "estimated_arrival_date_day", "fulfillment_center_id", "fulfillment_channel", "sales_channel"],
    "grade_resell": ["_store", "_delivery_id", "_line_number", "event_date_at", "event_date_day", "order_id", "value_recovery_type", "lpn", "manual_order_item_id", "sku", "fnsku", "asin", "quantity", "unit_status", "reason_for_unit_status", "used_condition", "used_sku", "used_fnsku", "disposition"],
    "inventory": ["_store", "_delivery_id", "_line_number", "sku", "fnsku", "asin", "product_name", "condition", "your_price", "mfn_listing_exists", "afn_listing_exists", "per_unit_volume", "mfn_fulfillable_quantity", "afn_warehouse_quantity", "afn_fulfillable_quantity", "afn_unsellable_quantity", "afn_reserved_quantity", "afn_total_quantity", "afn_inbound_working_quantity", "afn_inbound_shipped_quantity", "afn_inbound_receiving_quantity", "afn_researching_quantity", "afn_reserved_future_supply", "afn_future_supply_buyable"],
    "ledger_detail": ["_store", "_delivery_id", "_line_number", "event_date_at", "event_date_day", "fnsku", "asin", "sku", "title", "event_type", "reference_id", "quantity", "fulfillment_center", "disposition", "reason", "country", "reconciled_quantity", "unreconciled_quantity"],
    "listings": ["_store", "_delivery_id", "_line_number", "item_name", "listing_id", "sku", "price", "quantity", "open_date_at", "open_date_day", "product_id_type", "item_condition", "asin", "product_id", "fulfillment_channel", "status", "category"],
    "mfn_returns": ["_store", "_delivery_id", "_line_number", "order_id", "order_date_at", "order_date_day", "return_request_date_at", "return_request_date_day", "return_request_status", "amazon_rma_id", "merchant_rma_id", "label_type", "label_cost", "currency_code", "return_carrier", "tracking_id", "label_to_be_paid_by", "a_to_z_claim", "is_prime", "asin", "merchant_sku", "item_name", "return_quantity", "return_reason", "in_policy", "return_type", "resolution", "invoice_number", "return_delivery_date_at", "return_delivery_date_day", "order_amount", "order_quantity", "safet_action_reason", "safet_claim_id", "safet_claim_state", "safet_claim_creation_time_at", "safet_claim_creation_time_day", "safet_claim_reimbursement_amount", "refunded_amount", "category", "order_item_id", "customer_comments"],
    "orders": ["_store", "_delivery_id", "_line_number", "order_id", "merchant_order_id", "purchase_date_at", "purchase_date_day", "last_updated_date_at", "last_updated_date_day", "order_status", "fulfillment_channel", "sales_channel", "order_channel", "ship_service_level", "product_name", "sku", "asin", "item_status", "quantity", "currency", "item_price", "item_tax", "shipping_price", "shipping_tax", "gift_wrap_price", "gift_wrap_tax", "item_promotion_discount", "ship_promotion_discount", "ship_country", "is_business_order", "price_designation", "is_replacement_order", "original_order_id", "category"],
    "reimbursements": ["_store", "_delivery_id", "_line_number", "approval_date_at", "approval_date_day", "reimbursement_id", "case_id", "order_id", "reason", "sku", "fnsku", "asin", "product_name", "condition", "currency", "amount_per_unit", "amount_total", "quantity_reimbursed_cash", "quantity_reimbursed_inventory", "quantity_reimbursed_total", "original_reimbursement_id", "original_reimbursement_type"],
    "removals": ["_store", "_delivery_id", "_line_number", "request_date_at", "request_date_day", "removal_order_id", "order_type", "service_speed", "order_status", "last_updated_date_at", "last_updated_date_day", "sku", "fnsku", "disposition", "requested_quantity", "cancelled_quantity", "disposed_quantity", "shipped_quantity", "in_process_quantity", "removal_fee", "currency"],
    "replacements": ["_store", "_delivery_id", "_line_number", "shipment_date_at", "shipment_date_day", "sku", "asin", "fulfillment_center_id", "original_fulfillment_center_id", "quantity", "replacement_reason_code", "replacement_order_id", "original_order_id"],
    "reviews": ["_store", "_delivery_id", "_line_number", "asin", "rating", "review_date_at", "review_date_day", "parent_asin", "reviewer_id", "review_id", "title", "body", "verified_purchase", "helpful_votes", "marketplace", "language", "category", "product_name"],
    "seller_feedback": ["_store", "_delivery_id", "_line_number", "feedback_date_at", "feedback_date_day", "rating", "comments", "response", "order_id"],
    "settlements": ["_store", "_delivery_id", "_line_number", "settlement_id", "settlement_start_date_at", "settlement_start_date_day", "settlement_end_date_at", "settlement_end_date_day", "deposit_date_at", "deposit_date_day", "total_amount", "currency", "transaction_type", "order_id", "merchant_order_id", "adjustment_id", "shipment_id", "marketplace_name", "amount_type", "amount_description", "amount", "fulfillment_id", "posted_date_at", "posted_date_day", "posted_date_time_at", "posted_date_time_day", "order_item_code", "merchant_order_item_id", "merchant_adjustment_item_id", "sku", "quantity_purchased", "promotion_id"],
  } %}
  {{ return(values[feed]) }}
{% endmacro %}

{# time zones in which marketplaces report their days #}
{% macro marketplace_time_zones() %}
  {{ return(["Africa/Cairo", "Africa/Johannesburg", "America/Los_Angeles", "America/Sao_Paulo", "Asia/Dubai", "Asia/Kolkata", "Asia/Riyadh", "Asia/Singapore", "Asia/Tokyo", "Australia/Sydney", "Europe/Amsterdam", "Europe/Berlin", "Europe/Brussels", "Europe/Dublin", "Europe/Istanbul", "Europe/London", "Europe/Madrid", "Europe/Paris", "Europe/Rome", "Europe/Stockholm", "Europe/Warsaw"]) }}
{% endmacro %}
