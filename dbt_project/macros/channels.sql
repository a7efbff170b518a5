{#
  Channels: FBA (Amazon ships) and FBM (the seller ships), and ALL in marts. Does not belong: what is counted per channel.
#}

{# Channel of an order line or offer by its fulfilment channel: Amazon, AMAZON_NA, AFN are FBA; everything else the
   seller ships. #}
{% macro channel_of(fulfillment_channel) -%}
  case when lower(trim({{ fulfillment_channel }})) like 'amazon%' or lower(trim({{ fulfillment_channel }})) = 'afn' then 'FBA' else 'FBM' end
{%- endmacro %}

{# A join that gives every row twice, once for its channel and once for ALL; the value is read by channel_or_all().
     from t {{ channel_rollup() }}   …   select {{ channel_or_all('t.channel') }} as channel
   Group first: the doubling then meets few rows. #}
{% macro channel_rollup() -%}
  cross join (select false as is_all_channels union all select true as is_all_channels) as channel_rollup
{%- endmacro %}

{# Value of the channel column behind channel_rollup(). #}
{% macro channel_or_all(channel) -%}
  case when channel_rollup.is_all_channels then 'ALL' else {{ channel }} end
{%- endmacro %}
