  // Runs in outbound and in on-error. Both make the same event id of one request, so it is stored
  // once also when an answer that was logged fails on its last step.
  var request = context.RequestId.ToString("N");
  var started = context.Timestamp;
  var ms = ((started.Ticks - 621355968000000000L) / 10000L).ToString("x12");
  var variant = "89ab".Substring(Convert.ToInt32(request.Substring(3, 1), 16) % 4, 1);
  var path = context.Request.OriginalUrl.Path.ToLower();
  var method = context.Request.Method;
  var operation = path.EndsWith("/extensions/chat/completions") ? "on_your_data"
    : path.EndsWith("/chat/completions") ? "chat"
    : path.EndsWith("/completions") ? "text_completion"
    : path.EndsWith("/embeddings") ? "embeddings"
    : path.Contains("/responses") ? (method == "POST" ? "responses" : "fetch_response")
    : path.Contains("/images/generations") ? "image_generation"
    : path.EndsWith("/images/edits") ? "image_edit"
    : path.EndsWith("/audio/transcriptions") ? "transcription"
    : path.EndsWith("/audio/translations") ? "translation"
    : path.EndsWith("/audio/speech") ? "speech"
    : "other";
  var failed = context.LastError != null;
  var left = failed && context.LastError.Reason == "ClientConnectionFailure";
  var status = left ? 499 : context.Response == null ? 500 : context.Response.StatusCode;
  if (status < 100 || status > 599) { status = 500; }
  var type = context.Response == null
    ? "" : context.Response.Headers.GetValueOrDefault("Content-Type", "").ToLower();
  var streamed = type.StartsWith("text/event-stream");

  var usage = new JObject(
    new JProperty("event_id", ms.Substring(0, 8) + "-" + ms.Substring(8, 4) + "-7"
      + request.Substring(0, 3) + "-" + variant + request.Substring(4, 3) + "-"
      + request.Substring(20, 12)),
    new JProperty("schema_version", 1),
    new JProperty("started_at", started.ToString("yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'ffffff'Z'")),
    new JProperty("gateway", %GATEWAY%),
    new JProperty("feed", "apim_policy"),
    new JProperty("request_id", context.RequestId.ToString()),
    new JProperty("auth_type", context.Subscription == null ? "none" : "api_key"),
    new JProperty("operation", operation),
    new JProperty("usage_source", "none"),
    new JProperty("status_code", status));

  // The caller by the id and the name of its subscription; never its keys.
  if (context.Subscription != null) {
    var caller = context.Subscription.Id ?? "";
    using (var hash = %HASH%) {
      var digest = BitConverter.ToString(hash.ComputeHash(Encoding.UTF8.GetBytes(caller)));
      usage["key_id"] = "k_" + digest.Replace("-", "").ToLower().Substring(0, 16);
    }
    var named = string.IsNullOrEmpty(context.Subscription.Name) ? caller : context.Subscription.Name;
    if (named != "") { usage["key_name"] = named; }
  }
  if (context.Product != null && !string.IsNullOrEmpty(context.Product.Name)) {
    usage["team"] = context.Product.Name;
  }
  var asked = context.Variables.ContainsKey("gatemeter-model")
    ? (string)context.Variables["gatemeter-model"] : "";
  if (context.Request.MatchedParameters.ContainsKey("deployment-id")) {
    usage["deployment"] = context.Request.MatchedParameters["deployment-id"];
    if (asked == "") { asked = context.Request.MatchedParameters["deployment-id"]; }
  }
  if (asked != "") { usage["request_model"] = asked; }
  var version = context.Request.OriginalUrl.Query.GetValueOrDefault("api-version", "");
  if (version != "") { usage["api_version"] = version; }
  if (operation == "chat" || operation == "text_completion" || operation == "responses") {
    usage["stream"] = streamed;
  }
  // Of a stream only its first bytes are there yet, so its whole duration is not known.
  if (!streamed) { usage["duration_ms"] = Math.Round(context.Elapsed.TotalMilliseconds, 3); }
  if (left) { usage["client_disconnected"] = true; }
  if (status >= 400) {
    usage["error_type"] = failed ? context.LastError.Reason ?? status.ToString() : status.ToString();
  }

  // The body is read only where that holds nothing up: not in streams, which it would buffer.
  var body = new JObject();
  if (context.Response != null && !streamed && type.Contains("json")) {
    try { body = context.Response.Body.As<JObject>(true) ?? body; } catch (Exception) { }
  }
  try {
    var served = (string)body["model"];
    if (!string.IsNullOrEmpty(served)) { usage["response_model"] = served; }
    var answer = (string)body["id"];
    if (!string.IsNullOrEmpty(answer)) { usage["response_id"] = answer; }
    var tier = (string)body["service_tier"];
    if (!string.IsNullOrEmpty(tier)) { usage["service_tier"] = tier; }
    var error = body["error"] as JObject;
    if (error != null) {
      var code = (string)error["code"];
      if (!string.IsNullOrEmpty(code)) { usage["error_code"] = code; }
    }
    var told = body["usage"] as JObject;
    if (told != null) {
      var input = (long?)told["prompt_tokens"] ?? (long?)told["input_tokens"];
      var output = (long?)told["completion_tokens"] ?? (long?)told["output_tokens"];
      var inputs = (told["prompt_tokens_details"] ?? told["input_tokens_details"]) as JObject;
      var outputs = (told["completion_tokens_details"] ?? told["output_tokens_details"]) as JObject;
      if (input != null) { usage["input_tokens"] = input; }
      if (output != null) { usage["output_tokens"] = output; }
      if (input != null || output != null) { usage["usage_source"] = "reported"; }
      var cached = inputs == null ? null : (long?)inputs["cached_tokens"];
      if (cached != null) { usage["cached_input_tokens"] = cached; }
      var heard = inputs == null ? null : (long?)inputs["audio_tokens"];
      if (heard != null) { usage["audio_input_tokens"] = heard; }
      var reasoned = outputs == null ? null : (long?)outputs["reasoning_tokens"];
      if (reasoned != null) { usage["reasoning_output_tokens"] = reasoned; }
      var spoken = outputs == null ? null : (long?)outputs["audio_tokens"];
      if (spoken != null) { usage["audio_output_tokens"] = spoken; }
    }
  } catch (Exception) { }

  // No name is longer than an event takes, whatever a caller puts into a path or a query.
  foreach (var field in usage.Properties().ToList()) {
    if (field.Value.Type == JTokenType.String && ((string)field.Value).Length > 256) {
      field.Value = ((string)field.Value).Substring(0, 256);
    }
  }

  // The last call to a backend; earlier ones of a retry policy are not told to other policies.
  var refused = failed && context.LastError.Section == "inbound";
  if (context.Response != null && !refused) {
    var headers = context.Response.Headers;
    var attempt = new JObject(
      new JProperty("backend", context.Request.Url.Host),
      new JProperty("status_code", status));
    var region = headers.GetValueOrDefault("x-ms-region", "").Replace(" ", "").ToLower();
    if (region != "") { attempt["region"] = region; }
    var deployment = headers.GetValueOrDefault("x-ms-deployment-name", "");
    if (deployment == "" && usage["deployment"] != null) { deployment = (string)usage["deployment"]; }
    if (deployment != "") { attempt["deployment"] = deployment; }
    long number;
    if (long.TryParse(headers.GetValueOrDefault("x-ratelimit-remaining-tokens", ""), out number)
        && number >= 0) { attempt["remaining_tokens"] = number; }
    if (long.TryParse(headers.GetValueOrDefault("x-ratelimit-remaining-requests", ""), out number)
        && number >= 0) { attempt["remaining_requests"] = number; }
    if (long.TryParse(headers.GetValueOrDefault("retry-after-ms", ""), out number)
        && number >= 0) { attempt["retry_after_ms"] = number; }
    else if (long.TryParse(headers.GetValueOrDefault("Retry-After", ""), out number)
        && number >= 0 && number < 1000000) { attempt["retry_after_ms"] = number * 1000; }
    if (status == 429) { attempt["throttle"] = "unknown"; }
    usage["attempts"] = new JArray(attempt);
  }
  if (status == 429) { usage["throttled_by"] = refused ? "gateway" : "backend"; }
  return usage.ToString(Newtonsoft.Json.Formatting.None);
