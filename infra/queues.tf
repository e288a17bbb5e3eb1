# A queue, with a queue for what failed five times, for each `queue` row.
resource "aws_sqs_queue" "work" {
  for_each = local.queues

  name = "${local.prefix}-${each.value.queue}"
  # As AWS advises: six times the function's own limit, so that no message is taken twice at a time.
  visibility_timeout_seconds = each.value.timeout * 6
  message_retention_seconds  = 4 * 24 * 60 * 60
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue" "dead" {
  for_each = local.queues

  name                      = "${local.prefix}-${each.value.queue}-dead"
  message_retention_seconds = 14 * 24 * 60 * 60
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  for_each = local.queues

  queue_url = aws_sqs_queue.dead[each.key].id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.work[each.key].arn]
  })
}

resource "aws_lambda_event_source_mapping" "queue" {
  for_each = local.queues

  event_source_arn        = aws_sqs_queue.work[each.key].arn
  function_name           = module.function[each.key].arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
}
