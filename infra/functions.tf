# One Lambda for each row of each table. A new function is a new row, and no change here.
locals {
  root = coalesce(var.functions, "${path.module}/../functions")

  functions = merge([for table in fileset(local.root, "*/functions.json") : jsondecode(file("${local.root}/${table}"))]...)
  routes    = { for name, row in local.functions : name => row if can(row.route) }
  streams   = { for name, row in local.routes : name => row if try(row.stream, false) }
  queues    = { for name, row in local.functions : name => row if can(row.queue) }
  schedules = { for name, row in local.functions : name => row if can(row.schedule) }

  # Behind a proof of who calls: the function verifies it, so it must know whose it is.
  guarded = { for name, row in local.routes : name => row if row.permission != "public" }

  auth = {
    AUTH_ISSUER   = var.auth_issuer
    AUTH_AUDIENCE = var.auth_audience
    AUTH_JWKS_URL = var.auth_jwks_url
    AUTH_CLIENTS  = jsonencode(var.auth_clients)
  }

  # Every route counts its callers' requests in Redis, whatever its row uses.
  gate = local.grants.redis
}

module "function" {
  source   = "./modules/function"
  for_each = local.functions

  name         = "${local.prefix}-${each.key}"
  archive      = { bucket = aws_s3_bucket.code.id, key = aws_s3_object.archive[each.key].key, hash = filebase64sha256(local.archives[each.key]) }
  architecture = var.architecture
  memory       = each.value.memory
  timeout      = each.value.timeout
  uses         = each.value.uses
  grants       = local.grants
  statements   = local.trigger_statements[each.key]

  environment = merge(
    { LOG_LEVEL = var.log_level },
    contains(keys(local.routes), each.key) ? local.gate.environment : {},
    contains(keys(local.guarded), each.key) ? local.auth : {},
    can(each.value.route) && length(var.cors_origins) > 0 ? { CORS_ORIGINS = join(",", var.cors_origins) } : {},
    var.environment,
  )

  log_retention_days = var.log_retention_days
}

locals {
  # What a trigger needs, beside what the row says it uses.
  trigger_statements = {
    for name, row in local.functions : name => concat(
      can(row.queue) ? [{
        actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        resources = [aws_sqs_queue.work[name].arn]
      }] : [],
      can(row.route) && !contains(row.uses, "redis") ? local.gate.statements : [],
      can(row.schedule) ? [{ actions = ["sqs:SendMessage"], resources = [aws_sqs_queue.undelivered.arn] }] : [],
    )
  }
}
