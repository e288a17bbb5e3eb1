// What a person showed at sign-in, and when, in the access token: Cadre asks for it where a route
// wants a second factor.
exports.onExecutePostLogin = async (event, api) => {
  const methods = event.authentication?.methods ?? [];
  api.accessToken.setCustomClaim('urn:cadre:amr', methods.map((method) => method.name));
  const last = methods.map((method) => Date.parse(method.timestamp)).sort((a, b) => a - b).pop();
  if (last) {
    api.accessToken.setCustomClaim('urn:cadre:auth_time', Math.floor(last / 1000));
  }
};
