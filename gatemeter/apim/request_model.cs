  try {
    var type = context.Request.Headers.GetValueOrDefault("Content-Type", "");
    if (context.Request.Body == null || !type.Contains("json")) { return ""; }
    var model = (string)context.Request.Body.As<JObject>(true)["model"] ?? "";
    return model.Length > 256 ? model.Substring(0, 256) : model;
  } catch (Exception) {
    return "";
  }
