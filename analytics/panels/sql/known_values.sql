WITH seen AS (
  SELECT coalesce(key_name, key_id, '(no key)') AS key, coalesce(team, '(no team)') AS team,
    coalesce(backend, '(no backend)') AS backend, coalesce(model, '(unknown model)') AS model,
    coalesce(deployment, '(no deployment)') AS deployment,
    coalesce(deployment_type, '(unknown)') AS deployment_type, operation, min(hour) AS hour
  FROM traffic_hourly
  GROUP BY ALL
)
SELECT dimension, value, min(hour) AS first_hour
FROM (UNPIVOT seen ON key, team, backend, model, deployment, deployment_type, operation
      INTO NAME dimension VALUE value)
GROUP BY ALL
ORDER BY dimension, first_hour, value
