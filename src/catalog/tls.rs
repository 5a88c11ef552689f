//! How the connection to Postgres is protected: `sslmode` and `sslrootcert` of its URL, with libpq's meaning.
//!
//! | `sslmode` | encrypted | certificate |
//! |---|---|---|
//! | `disable` | no | |
//! | `prefer` (default) | when the server can | not looked at |
//! | `require` | yes | not looked at |
//! | `verify-ca` | yes | signed by a trusted authority |
//! | `verify-full` | yes | and made out to the host's name |
//!
//! Trusted authorities are those of the system, or those in the PEM file that `sslrootcert` names.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::Error;

/// What the URL says of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    mode: Mode,
    root_file: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl TlsSettings {
    /// Takes `sslmode` and `sslrootcert` out of a connection URL or of a `key=value` string, because the driver knows
    /// only some of their values; returns the rest beside them.
    pub fn split_from(address: &str) -> Result<(String, Self), Error> {
        let mut settings = Self { mode: Mode::Prefer, root_file: None };
        let rest = if address.contains("://") {
            let (base, query) = address.split_once('?').unwrap_or((address, ""));
            let mut kept = Vec::new();
            for pair in query.split('&').filter(|pair| !pair.is_empty()) {
                if !settings.take(pair)? {
                    kept.push(pair);
                }
            }
            if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) }
        } else {
            let mut kept = Vec::new();
            for pair in address.split_ascii_whitespace() {
                if !settings.take(pair)? {
                    kept.push(pair);
                }
            }
            kept.join(" ")
        };
        Ok((rest, settings))
    }

    /// Whether `pair` was one of ours.
    fn take(&mut self, pair: &str) -> Result<bool, Error> {
        match pair.split_once('=') {
            Some(("sslmode", value)) => {
                self.mode = match value {
                    "disable" => Mode::Disable,
                    "prefer" | "allow" => Mode::Prefer,
                    "require" => Mode::Require,
                    "verify-ca" => Mode::VerifyCa,
                    "verify-full" => Mode::VerifyFull,
                    other => {
                        return Err(Error::Settings(format!(
                            "sslmode is '{other}', expected disable, prefer, require, verify-ca or verify-full"
                        )));
                    }
                };
                Ok(true)
            }
            Some(("sslrootcert", path)) => {
                let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned();
                // libpq's name for the system's authorities, which are the default here.
                self.root_file = (path != "system").then_some(path);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The driver's part of the mode.
    pub fn driver_mode(&self) -> SslMode {
        match self.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        }
    }

    /// The connector for this mode.
    pub fn connector(&self) -> Result<MakeRustlsConnect, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = match self.mode {
            Mode::Disable | Mode::Prefer | Mode::Require => Arc::new(Unverified(Arc::clone(&provider))),
            Mode::VerifyCa => Arc::new(AnyName(self.verifier(&provider)?)),
            Mode::VerifyFull => self.verifier(&provider)?,
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Settings(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(MakeRustlsConnect::new(config))
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, Error> {
        let mut roots = RootCertStore::empty();
        match &self.root_file {
            Some(path) => {
                let unreadable = |error| Error::Settings(format!("sslrootcert '{path}': {error}"));
                for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                    roots
                        .add(certificate.map_err(unreadable)?)
                        .map_err(|error| Error::Settings(format!("sslrootcert '{path}': {error}")))?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .map_err(|error| Error::Settings(format!("no certificate authority to verify postgres with: {error}")))
    }
}

/// Encrypts without asking who the server is, as `prefer` and `require` promise no more.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
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
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A trusted authority's certificate for whatever name.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last, after the chain was found good.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_its_own_settings_out_of_the_address() {
        let table = [
            ("postgres://u:p@h/d", "postgres://u:p@h/d", Mode::Prefer),
            ("postgres://u:p@h/d?sslmode=verify-full", "postgres://u:p@h/d", Mode::VerifyFull),
            ("postgres://h/d?a=b&sslmode=require&c=d", "postgres://h/d?a=b&c=d", Mode::Require),
            ("postgresql://h/d?sslmode=disable&", "postgresql://h/d", Mode::Disable),
            ("host=h sslmode=verify-ca user=u", "host=h user=u", Mode::VerifyCa),
        ];
        for (address, rest, mode) in table {
            let (kept, settings) = TlsSettings::split_from(address).unwrap();
            assert_eq!((kept.as_str(), settings.mode), (rest, mode), "{address}");
        }
        let (_, settings) = TlsSettings::split_from("postgres://h/d?sslrootcert=%2Fetc%2Fca.pem").unwrap();
        assert_eq!(settings.root_file.as_deref(), Some("/etc/ca.pem"));
    }

    #[test]
    fn refuses_unknown_modes_and_unreadable_files() {
        assert!(matches!(TlsSettings::split_from("postgres://h/d?sslmode=on"), Err(Error::Settings(_))));
        let (_, settings) =
            TlsSettings::split_from("postgres://h/d?sslmode=verify-full&sslrootcert=/nowhere.pem").unwrap();
        assert!(matches!(settings.connector(), Err(Error::Settings(_))));
        let (_, settings) = TlsSettings::split_from("postgres://h/d?sslmode=require").unwrap();
        assert!(settings.connector().is_ok());
    }
}
