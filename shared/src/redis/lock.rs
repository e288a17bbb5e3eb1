//! A lock with a number that only grows: the fence.
//!
//! A lock in Redis is a hint, for its holder may be paused beyond its lease and not know. What is
//! written under it carries the fence, and whoever keeps the record refuses a lower one than it has
//! seen. The numbers must grow even after everything in Redis was lost, so they begin at the
//! server's clock and not at nothing.

use std::sync::LazyLock;
use std::time::Duration;

use super::{Gone, Key, Redis, Scope, Script};

/// Takes it if nobody has it: the fence, else 0.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
         local time = redis.call('TIME')
         local fence = time[1] * 1000000 + time[2]
         local last = tonumber(redis.call('GET', KEYS[2]) or '0')
         if fence <= last then fence = last + 1 end
         local text = string.format('%.0f', fence)
         redis.call('SET', KEYS[1], text, 'PX', ARGV[1])
         redis.call('SET', KEYS[2], text, 'PX', ARGV[2])
         return fence",
    )
});

/// Lets go of it, or holds it longer, if it is still ours.
static KEEP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
         if ARGV[2] == '0' then redis.call('DEL', KEYS[1])
         else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
         return 1",
    )
});

/// How long the last fence is kept: far longer than any clock steps back.
const REMEMBERED: Duration = Duration::from_hours(24);

#[derive(Debug)]
pub struct Lock {
    key: Key,
    /// What is written under the lock carries this number.
    pub fence: i64,
}

impl Redis {
    /// The lock of this name for so long, unless somebody else has it.
    pub async fn lock(
        &self,
        scope: &Scope,
        name: &str,
        lease: Duration,
    ) -> Result<Option<Lock>, Gone> {
        let (key, last) = (scope.key("lock", &[name]), scope.key("fence", &[name]));
        let (lease, kept) = (super::milliseconds(lease), super::milliseconds(REMEMBERED));
        let (lease, kept) = (lease.to_string(), kept.to_string());
        let arguments = [lease.as_bytes(), kept.as_bytes()];
        let fence: i64 = self.run(&TAKE, &[&key, &last], &arguments).await?;
        Ok((fence > 0).then_some(Lock { key, fence }))
    }

    /// False when the lease ran out: somebody else may hold it by now.
    pub async fn hold(&self, lock: &Lock, lease: Duration) -> Result<bool, Gone> {
        self.keep(lock, super::milliseconds(lease)).await
    }

    pub async fn unlock(&self, lock: Lock) -> Result<bool, Gone> {
        self.keep(&lock, 0).await
    }

    async fn keep(&self, lock: &Lock, lease: u64) -> Result<bool, Gone> {
        let (fence, lease) = (lock.fence.to_string(), lease.to_string());
        let kept: i64 =
            self.run(&KEEP, &[&lock.key], &[fence.as_bytes(), lease.as_bytes()]).await?;
        Ok(kept == 1)
    }
}
