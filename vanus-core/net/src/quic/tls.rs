//! TLS: who an endpoint is, and whom it believes.

use std::sync::Arc;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject};

use super::options::{Identity, Trust};

/// What peers agree to speak, inside the TLS handshake.
pub const ALPN: &[u8] = b"vanus/1";

/// The names a self-signed certificate is for.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Accepts any certificate. Used only for peers at a loopback address.
///
/// A server without a configured certificate makes one when it starts, so there is nothing to
/// compare it with. Bytes to a loopback address never leave the machine; who can answer there can
/// already act as this machine. The handshake itself is verified as always.
#[derive(Debug)]
pub struct LoopbackTrust {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for LoopbackTrust {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The one cryptography provider; always passed, never installed for the process.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The authorities browsers and servers agree on.
pub(crate) fn public_roots() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

/// The TLS side of a listening endpoint.
pub(super) fn server_config(identity: &Identity) -> Result<Arc<QuicServerConfig>, String> {
    let (chain, key) = match identity {
        Identity::None => return Err("this endpoint has no identity to listen with".to_owned()),
        Identity::SelfSigned => self_signed()?,
        Identity::Pem { chain, key } => (certificates(chain)?, private_key(key)?),
    };
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| format!("the certificate and its key are not usable: {error}"))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    let config = QuicServerConfig::try_from(config).map_err(|error| error.to_string())?;
    Ok(Arc::new(config))
}

/// The TLS side of a connecting endpoint; `loopback` says where the peer is.
pub(super) fn client_config(
    trust: &Trust,
    loopback: bool,
) -> Result<Arc<QuicClientConfig>, String> {
    let provider = provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?;
    let mut config = match trust {
        Trust::Public if loopback => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(LoopbackTrust { provider }))
            .with_no_client_auth(),
        Trust::Public => builder
            .with_root_certificates(public_roots())
            .with_no_client_auth(),
        Trust::Authorities(pem) => {
            let mut roots = RootCertStore::empty();
            add_authorities(&mut roots, pem)?;
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    let config = QuicClientConfig::try_from(config).map_err(|error| error.to_string())?;
    Ok(Arc::new(config))
}

fn self_signed() -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    let names = LOCAL_NAMES.map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names)
        .map_err(|error| format!("no certificate could be made: {error}"))?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .map_err(|error| format!("no certificate could be made: {error}"))?;
    Ok((vec![made.cert.der().clone()], key))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("the certificates are no PEM: {error}"))?;
    if chain.is_empty() {
        return Err("the PEM text holds no certificate".to_owned());
    }
    Ok(chain)
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem)
        .map_err(|error| format!("the PEM text holds no private key: {error}"))
}

/// Believes the certificates in `pem` too.
pub(crate) fn add_authorities(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), String> {
    for certificate in certificates(pem)? {
        roots
            .add(certificate)
            .map_err(|error| format!("a certificate is no authority: {error}"))?;
    }
    Ok(())
}
