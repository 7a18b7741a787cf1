-- The rows of the selection under the names that pages show; two keys of one name are one.
named AS (
  SELECT * REPLACE (
    coalesce(team, '(no team)') AS team,
    coalesce(backend, '(no backend)') AS backend,
    coalesce(model, '(unknown model)') AS model,
    coalesce(deployment, '(no deployment)') AS deployment,
    coalesce(deployment_type, '(unknown)') AS deployment_type
  ), coalesce(key_name, key_id, '(no key)') AS key
  FROM source
), chosen AS (
  SELECT *, CASE $by
      WHEN 'key' THEN key
      WHEN 'team' THEN team
      WHEN 'backend' THEN backend
      WHEN 'model' THEN model
      WHEN 'deployment' THEN deployment
      WHEN 'deployment_type' THEN deployment_type
      WHEN 'operation' THEN operation
    END AS series
  FROM named
  WHERE (len($keys) = 0 OR list_contains($keys, key))
    AND (len($teams) = 0 OR list_contains($teams, team))
    AND (len($backends) = 0 OR list_contains($backends, backend))
    AND (len($models) = 0 OR list_contains($models, model))
)
