//! A function that ends in the middle: a future that is given up after so many polls.
//!
//! Between two polls it waits for something: a connection, an answer, a model. Dropping it there is
//! what a killed function is at that point: its connection goes, nothing of it runs any more, and
//! what it sent last may or may not have arrived.

use std::pin::Pin;
use std::task::{Context, Poll};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

struct Unfinished<'a, T> {
    future: Option<Boxed<'a, T>>,
    polls: u32,
    most: u32,
}

impl<'a, T> Future for Unfinished<'a, T> {
    /// What it came to, with the polls it took; or itself, unfinished.
    type Output = Result<(T, u32), Boxed<'a, T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut future = self.future.take().expect("polled after its end");
        self.polls += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Ok((value, self.polls))),
            Poll::Pending if self.polls >= self.most => Poll::Ready(Err(future)),
            Poll::Pending => {
                self.future = Some(future);
                Poll::Pending
            }
        }
    }
}

/// Lets it run for so many polls, then hands it back as it is.
pub async fn after_polls<'a, T>(
    polls: u32,
    future: impl Future<Output = T> + Send + 'a,
) -> Result<(T, u32), Boxed<'a, T>> {
    Unfinished { future: Some(Box::pin(future)), polls: 0, most: polls }.await
}

/// Drops it after its `polls`-th poll; what it came to, and the polls that took, if it was faster.
pub async fn dies_after<T>(polls: u32, future: impl Future<Output = T> + Send) -> Option<(T, u32)> {
    after_polls(polls, future).await.ok()
}
