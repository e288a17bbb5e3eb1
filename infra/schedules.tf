# EventBridge Scheduler for each `schedule` row. It hands over asynchronously: what cannot be
# delivered, and what a function failed at, both end up in one queue for a person to look at.
resource "aws_scheduler_schedule_group" "this" {
  name = local.prefix
}

resource "aws_scheduler_schedule" "this" {
  for_each = local.schedules

  name                = each.key
  group_name          = aws_scheduler_schedule_group.this.name
  schedule_expression = each.value.schedule

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.function[each.key].arn
    role_arn = aws_iam_role.scheduler.arn
    input    = jsonencode({})

    # A tick that is minutes old is of no use: the next one is there.
    retry_policy {
      maximum_event_age_in_seconds = 300
      maximum_retry_attempts       = 2
    }

    dead_letter_config {
      arn = aws_sqs_queue.undelivered.arn
    }
  }
}

resource "aws_lambda_function_event_invoke_config" "schedule" {
  for_each = local.schedules

  function_name                = module.function[each.key].name
  qualifier                    = module.function[each.key].alias
  maximum_event_age_in_seconds = 300
  maximum_retry_attempts       = 1

  destination_config {
    on_failure {
      destination = aws_sqs_queue.undelivered.arn
    }
  }
}

resource "aws_sqs_queue" "undelivered" {
  name                      = "${local.prefix}-undelivered"
  message_retention_seconds = 14 * 24 * 60 * 60
  sqs_managed_sse_enabled   = true
}

resource "aws_iam_role" "scheduler" {
  name = "${local.prefix}-scheduler"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  name = "targets"
  role = aws_iam_role.scheduler.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{ Effect = "Allow", Action = ["sqs:SendMessage"], Resource = [aws_sqs_queue.undelivered.arn] }],
      [for arns in [[for name in keys(local.schedules) : module.function[name].arn]] :
      { Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = arns } if length(arns) > 0],
    )
  })
}
