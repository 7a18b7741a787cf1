SELECT model, deployment_type, region, meter, unpriced_reason AS reason,
  sum(requests)::BIGINT AS requests, sum(quantity) AS quantity
FROM chosen
WHERE charged_cost IS NULL AND meter <> 'provisioned' -- which no request used
GROUP BY ALL
HAVING sum(quantity) <> 0
ORDER BY requests DESC, model, meter
LIMIT 200
