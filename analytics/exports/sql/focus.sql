-- One row of FOCUS for each period, caller, deployment, meter and rate; and one purchase for each
-- period of a block of provisioned throughput. Every sum of money is made of the charges' own.
WITH chosen AS (
  -- Hours are told apart in UTC: the zone's clock repeats one when it is put back.
  SELECT *, date_trunc('month', hour AT TIME ZONE $zone) AS local_month,
    CASE $step WHEN 'hour' THEN hour
      ELSE date_trunc($step, hour AT TIME ZONE $zone) AT TIME ZONE $zone END AS starts_at,
    meter = 'provisioned' AS is_provisioned
  FROM charges
  WHERE hour >= $since AND hour < $until AND cost IS NOT NULL
), used AS (
  SELECT starts_at, local_month, key_id, arg_max(key_name, hour) AS key_name, team, backend, region,
    deployment, deployment_type, model, model_version, usage_source, meter, rate_id, currency,
    is_provisioned, is_provisioned AND key_id IS NULL AND key_name = 'idle' AS is_idle,
    sum(requests)::BIGINT AS requests, sum(quantity) AS quantity, sum(cost) AS cost
  FROM chosen
  GROUP BY ALL
  HAVING sum(quantity) <> 0 OR sum(cost) <> 0
), known_rates AS (
  SELECT rate_id, last(r ORDER BY source_version) AS rate FROM rates AS r GROUP BY rate_id
), blocks AS (
  -- What an hour of a unit cost in the period, to the twelve decimals that prices have.
  SELECT starts_at, local_month, rate_id, currency, sum(quantity) AS quantity, sum(cost) AS cost,
    round(sum(cost)::DOUBLE / sum(quantity)::DOUBLE, 12)::DECIMAL(18, 12) AS price
  FROM used WHERE is_provisioned
  GROUP BY ALL
  HAVING sum(quantity) <> 0
), priced AS (
  SELECT u.*, k.rate,
    CASE WHEN u.is_provisioned THEN b.price
         WHEN k.rate.price * u.quantity = u.cost THEN k.rate.price END AS charged_price
  FROM used AS u
  LEFT JOIN known_rates AS k ON k.rate_id = u.rate_id
  LEFT JOIN blocks AS b ON u.is_provisioned AND b.starts_at = u.starts_at
    AND b.rate_id = u.rate_id AND b.currency IS NOT DISTINCT FROM u.currency
), measured AS (
  SELECT *, charged_price IS NULL AS is_flat,
    COALESCE(rate.list_price, charged_price) AS list_price,
    CASE meter WHEN 'image' THEN 'Images' WHEN 'second' THEN 'Seconds'
               WHEN 'character' THEN 'Characters' WHEN 'provisioned' THEN 'PTU-Hours'
               ELSE 'Tokens' END AS unit,
    -- A charge whose rate is no longer known is priced as one whole, at what it cost.
    CASE WHEN is_flat THEN 1 ELSE quantity END::DECIMAL(38, 6) AS priced_quantity,
    CASE WHEN is_flat THEN cost ELSE charged_price END::DECIMAL(38, 18) AS unit_price,
    CASE WHEN is_flat THEN cost ELSE list_price END::DECIMAL(38, 18) AS list_unit_price,
    CASE WHEN is_flat THEN cost ELSE charged_price * quantity END::DECIMAL(38, 18)
      AS contracted_cost,
    CASE WHEN is_flat THEN cost ELSE list_price * quantity END::DECIMAL(38, 18) AS list_cost
  FROM priced
), shared AS (
  -- The keys' parts of a block's hours on a deployment: what FOCUS 1.3 calls a split cost.
  SELECT *,
    $split AND is_provisioned AND NOT is_idle AS is_allocated,
    round(quantity::DOUBLE / NULLIF(sum(quantity) OVER origin, 0)::DOUBLE, 12)::DECIMAL(18, 12)
      AS rounded_ratio,
    row_number() OVER (origin ORDER BY quantity DESC, key_id, key_name, team, usage_source) AS part
  FROM measured
  WINDOW origin AS (
    PARTITION BY is_provisioned, is_idle, starts_at, rate_id, currency, backend, deployment
  )
), allocated AS (
  SELECT *,
    CASE WHEN part = 1 THEN 1 - (sum(rounded_ratio) OVER origin - rounded_ratio)
         ELSE rounded_ratio END::DECIMAL(18, 12) AS ratio
  FROM shared
  WINDOW origin AS (
    PARTITION BY is_provisioned, is_idle, starts_at, rate_id, currency, backend, deployment
  )
), usage_rows AS (
  SELECT *, 'Usage' AS category,
    replace(rate_id, 'provisioned:', '') AS block,
    concat_ws('/', backend, deployment) AS own_resource,
    i.resource_id || COALESCE('/deployments/' || deployment, '') AS azure_resource,
    CASE $sub_account WHEN 'key' THEN key_id ELSE team END AS account_id,
    CASE $sub_account WHEN 'key' THEN COALESCE(key_name, key_id) ELSE team END AS account_name
  FROM allocated LEFT JOIN resource_ids AS i USING (backend)
), purchase_rows AS (
  SELECT starts_at, local_month, rate_id, currency, quantity, cost, 'Purchase' AS category,
    'provisioned' AS meter, TRUE AS is_provisioned, FALSE AS is_idle, FALSE AS is_allocated,
    FALSE AS is_flat, replace(rate_id, 'provisioned:', '') AS block, 'PTU-Hours' AS unit,
    quantity AS priced_quantity, price::DECIMAL(38, 18) AS unit_price,
    price::DECIMAL(38, 18) AS list_unit_price, (price * quantity)::DECIMAL(38, 18) AS contracted_cost,
    (price * quantity)::DECIMAL(38, 18) AS list_cost
  FROM blocks
), rows AS (
  SELECT * FROM usage_rows UNION ALL BY NAME SELECT * FROM purchase_rows
), named AS (
  SELECT r.*, n.region_name,
    category = 'Purchase' AS is_purchase,
    category = 'Purchase' OR is_idle AS is_about_block,
    CASE meter WHEN 'input' THEN 'Input tokens' WHEN 'cached_input' THEN 'Cached input tokens'
               WHEN 'cache_write' THEN 'Cache write tokens'
               WHEN 'audio_input' THEN 'Audio input tokens'
               WHEN 'image_input' THEN 'Image input tokens' WHEN 'output' THEN 'Output tokens'
               WHEN 'audio_output' THEN 'Audio output tokens'
               WHEN 'image_output' THEN 'Image output tokens' WHEN 'image' THEN 'Images'
               WHEN 'second' THEN 'Audio seconds' WHEN 'character' THEN 'Characters'
               WHEN 'provisioned' THEN 'Provisioned throughput' ELSE meter END AS meter_name,
    CASE WHEN rate.meter IS NULL OR rate.meter = meter THEN meter_name
         WHEN rate.meter = 'input' THEN 'Input tokens' ELSE rate.meter END AS sku_meter,
    CASE WHEN is_provisioned THEN 'azure/provisioned-throughput'
         WHEN rate IS NULL THEN concat_ws('/', 'azure', model, model_version, deployment_type, meter)
         ELSE concat_ws('/', rate.provider, rate.model, rate.model_version, rate.deployment_type,
                        NULLIF(rate.service_tier, 'standard'), NULLIF(rate.context_tier, 'standard'),
                        rate.image_size, rate.image_quality, rate.meter) END AS sku_id,
    json_merge_patch('{}'::JSON, json_object(
      'gatemeter:key_id', key_id, 'gatemeter:key', key_name, 'gatemeter:team', team
    ))::VARCHAR AS caller_tags,
    greatest(starts_at, $since) AS starts,
    least(
      CASE $step WHEN 'hour' THEN starts_at + INTERVAL 1 HOUR
                 WHEN 'day' THEN ((starts_at AT TIME ZONE $zone) + INTERVAL 1 DAY) AT TIME ZONE $zone
                 ELSE (local_month + INTERVAL 1 MONTH) AT TIME ZONE $zone END, $until
    ) AS ends
  FROM rows AS r LEFT JOIN region_names AS n ON n.region = r.region
)
SELECT
  CASE WHEN is_allocated THEN json_object('Elements', json_array(json_object(
    'AllocatedRatio', ratio, 'UsageUnit', unit, 'UsageQuantity', quantity
  )))::VARCHAR END AS AllocatedMethodDetails,
  CASE WHEN is_allocated THEN 'gatemeter:share-of-provisioned-usage' END AS AllocatedMethodId,
  CASE WHEN is_allocated THEN COALESCE(key_id, 'unknown') END AS AllocatedResourceId,
  CASE WHEN is_allocated THEN key_name END AS AllocatedResourceName,
  CASE WHEN is_allocated THEN caller_tags END AS AllocatedTags,
  NULL::VARCHAR AS AvailabilityZone,
  CASE WHEN is_provisioned AND NOT is_purchase THEN 0 ELSE cost END::DECIMAL(38, 18) AS BilledCost,
  $billing_account_id AS BillingAccountId,
  $billing_account_name AS BillingAccountName,
  $billing_account_type AS BillingAccountType,
  currency AS BillingCurrency,
  (local_month + INTERVAL 1 MONTH) AT TIME ZONE $zone AS BillingPeriodEnd,
  local_month AT TIME ZONE $zone AS BillingPeriodStart,
  NULL::VARCHAR AS CapacityReservationId,
  NULL::VARCHAR AS CapacityReservationStatus,
  category AS ChargeCategory,
  -- Less than nothing is left where a correction came after what it corrects was exported.
  CASE WHEN cost < 0 THEN 'Correction' END AS ChargeClass,
  CASE WHEN is_about_block OR is_allocated THEN concat_ws(' ', 'Provisioned throughput', block)
       ELSE concat_ws(' ', model, model_version, lower(meter_name), 'on', deployment_type)
       END AS ChargeDescription,
  CASE WHEN is_purchase THEN 'Recurring' ELSE 'Usage-Based' END AS ChargeFrequency,
  ends AS ChargePeriodEnd,
  starts AS ChargePeriodStart,
  CASE WHEN is_provisioned THEN 'Usage' END AS CommitmentDiscountCategory,
  CASE WHEN is_provisioned THEN rate_id END AS CommitmentDiscountId,
  CASE WHEN is_provisioned THEN block END AS CommitmentDiscountName,
  CASE WHEN is_provisioned THEN quantity END::DECIMAL(38, 6) AS CommitmentDiscountQuantity,
  CASE WHEN is_provisioned AND NOT is_purchase THEN if(is_idle, 'Unused', 'Used') END
    AS CommitmentDiscountStatus,
  CASE WHEN is_provisioned THEN 'Provisioned Throughput' END AS CommitmentDiscountType,
  CASE WHEN is_provisioned THEN unit END AS CommitmentDiscountUnit,
  CASE WHEN NOT is_about_block THEN quantity END::DECIMAL(38, 6) AS ConsumedQuantity,
  CASE WHEN NOT is_about_block THEN unit END AS ConsumedUnit,
  NULL::VARCHAR AS ContractApplied,
  contracted_cost AS ContractedCost,
  unit_price AS ContractedUnitPrice,
  CASE WHEN is_purchase THEN 0 ELSE cost END::DECIMAL(38, 18) AS EffectiveCost,
  $provider AS HostProviderName,
  NULL::VARCHAR AS InvoiceId,
  $invoice_issuer AS InvoiceIssuerName,
  list_cost AS ListCost,
  list_unit_price AS ListUnitPrice,
  CASE WHEN is_provisioned AND NOT is_purchase THEN 'Committed'
       WHEN rate.source = 'builtin' OR is_flat THEN 'Other' ELSE 'Standard' END AS PricingCategory,
  currency AS PricingCurrency,
  unit_price AS PricingCurrencyContractedUnitPrice,
  EffectiveCost AS PricingCurrencyEffectiveCost,
  list_unit_price AS PricingCurrencyListUnitPrice,
  priced_quantity AS PricingQuantity,
  CASE WHEN is_flat THEN 'Charges' ELSE unit END AS PricingUnit,
  $provider AS ProviderName,
  $publisher AS PublisherName,
  region AS RegionId,
  COALESCE(region_name, region) AS RegionName,
  CASE WHEN is_about_block THEN rate_id
       WHEN deployment IS NOT NULL THEN COALESCE(azure_resource, own_resource) END AS ResourceId,
  CASE WHEN is_about_block THEN block ELSE deployment END AS ResourceName,
  CASE WHEN is_about_block THEN 'Provisioned throughput'
       WHEN deployment IS NOT NULL THEN 'Deployment' END AS ResourceType,
  'AI and Machine Learning' AS ServiceCategory,
  $service AS ServiceName,
  $provider AS ServiceProviderName,
  'Generative AI' AS ServiceSubcategory,
  sku_id AS SkuId,
  sku_meter AS SkuMeter,
  json_merge_patch('{}'::JSON, CASE WHEN rate IS NULL
    THEN json_object('x_Block', if(is_provisioned, block, NULL))
    ELSE json_object(
      'x_DeploymentType', rate.deployment_type, 'x_ServiceTier', rate.service_tier,
      'x_ContextTier', rate.context_tier, 'x_Region', rate.region, 'x_Source', rate.source,
      'x_SourceName', rate.source_name, 'x_ListRateId', rate.list_rate_id
    ) END)::VARCHAR AS SkuPriceDetails,
  COALESCE(rate_id, sku_id) AS SkuPriceId,
  CASE WHEN NOT is_about_block AND NOT is_allocated THEN account_id END AS SubAccountId,
  CASE WHEN NOT is_about_block AND NOT is_allocated THEN account_name END AS SubAccountName,
  CASE WHEN SubAccountId IS NOT NULL THEN if($sub_account = 'key', 'Key', 'Team') END
    AS SubAccountType,
  CASE WHEN NOT is_about_block AND NOT is_allocated THEN caller_tags END AS Tags,
  backend AS x_Backend,
  deployment_type AS x_DeploymentType,
  key_id AS x_KeyId,
  CASE WHEN is_purchase THEN NULL ELSE key_name END AS x_KeyName,
  meter AS x_Meter,
  model AS x_Model,
  model_version AS x_ModelVersion,
  requests AS x_Requests,
  team AS x_Team,
  usage_source AS x_UsageSource
FROM named
ORDER BY starts, category, currency, team, key_id, key_name, backend, deployment, model,
  model_version, meter, rate_id, usage_source
