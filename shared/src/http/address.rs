//! Where a request comes from, as whoever took its connection says: the gateway, or the host's own
//! socket. Never a header: anybody can write `X-Forwarded-For`.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use lambda_http::request::RequestContext;

pub(super) fn of(request: &Request) -> Option<IpAddr> {
    let extensions = request.extensions();
    if let Some(RequestContext::ApiGatewayV2(context)) = extensions.get() {
        return context.http.source_ip.as_ref()?.parse().ok();
    }
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::body::Body;
    use axum::extract::{ConnectInfo, Request};
    use lambda_http::request::LambdaRequest;

    use super::of;

    #[test]
    fn p14_an_address_is_the_sockets_or_the_gateways_and_never_a_headers() {
        let forged = || Request::builder().header("x-forwarded-for", "203.0.113.9");
        let request = forged().body(Body::empty()).unwrap();
        assert_eq!(of(&request), None);
        let peer = ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 4711)));
        let request = forged().extension(peer).body(Body::empty()).unwrap();
        assert_eq!(of(&request).unwrap().to_string(), "192.0.2.1");
        let event = r#"{ "version": "2.0", "routeKey": "GET /x", "rawPath": "/x",
            "headers": { "x-forwarded-for": "203.0.113.9" }, "isBase64Encoded": false,
            "requestContext": { "accountId": "1", "apiId": "a", "stage": "$default", "timeEpoch": 0,
                "http": { "method": "GET", "path": "/x", "protocol": "HTTP/1.1",
                          "sourceIp": "198.51.100.7", "userAgent": "t" } } }"#;
        let event: LambdaRequest = serde_json::from_str(event).unwrap();
        let (parts, _) = lambda_http::Request::from(event).into_parts();
        let request = Request::from_parts(parts, Body::empty());
        assert_eq!(of(&request).unwrap().to_string(), "198.51.100.7");
    }
}
