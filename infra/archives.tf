# The zips, by way of a bucket: functions made from local files are made one after the other.
locals {
  archives = { for name in keys(local.functions) : name => replace(var.archives, "{function}", name) }
}

resource "aws_s3_bucket" "code" {
  bucket = "${local.prefix}-code-${local.account}-${var.region}"
  # Lambda keeps copies of its own: nothing is lost with this.
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "code" {
  bucket                  = aws_s3_bucket.code.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# Another content is another key, so that the function sees the change.
resource "aws_s3_object" "archive" {
  for_each = local.archives

  bucket = aws_s3_bucket.code.id
  key    = "${each.key}/${filesha256(each.value)}.zip"
  source = each.value
}
