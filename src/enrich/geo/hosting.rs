//! Autonomous systems that rent out servers, for installations whose files know systems but not what they are for.
//!
//! Left out are those through which people come too: relays and content networks (Cloudflare, Fastly, Akamai), and makers
//! of systems whose own staff and services share one (Google's 15169).

/// In ascending order.
const HOSTING: &[u32] = &[
    7203,   // Leaseweb USA
    8100,   // QuadraNet
    8560,   // IONOS
    8987,   // Amazon
    9123,   // Timeweb
    12876,  // Scaleway
    13213,  // UK2
    14061,  // DigitalOcean
    14618,  // Amazon
    16276,  // OVH
    16509,  // Amazon
    19318,  // Interserver
    20454,  // PhoenixNAP
    20473,  // Vultr
    21409,  // Ikoula
    22612,  // Namecheap
    24940,  // Hetzner
    25820,  // IT7
    26496,  // GoDaddy
    28753,  // Leaseweb DE
    29802,  // Hivelocity
    30633,  // Leaseweb USA
    31898,  // Oracle Cloud
    32244,  // Liquid Web
    34788,  // Neue Medien Muennich
    35916,  // Multacom
    36351,  // IBM Cloud
    36352,  // ColoCrossing
    37963,  // Alibaba Cloud
    40021,  // Contabo
    45090,  // Tencent Cloud
    45102,  // Alibaba Cloud
    46475,  // Limestone Networks
    46606,  // Unified Layer
    47583,  // Hostinger
    49505,  // Selectel
    49981,  // WorldStream
    51167,  // Contabo
    53667,  // FranTech
    54825,  // Equinix Metal
    55286,  // ServerMania
    55990,  // Huawei Cloud
    60781,  // Leaseweb NL
    62240,  // Clouvider
    63949,  // Linode
    132203, // Tencent Cloud
    136907, // Huawei Cloud
    197540, // netcup
    197695, // REG.RU
    198610, // Beget
    202053, // UpCloud
    213230, // Hetzner
    396982, // Google Cloud
];

/// Whether an autonomous system rents out servers; 0 is unknown.
pub fn is_hosting(asn: u32) -> bool {
    HOSTING.binary_search(&asn).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_in_order_and_found() {
        assert!(HOSTING.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(is_hosting(16509) && !is_hosting(0) && !is_hosting(3301) && !is_hosting(13335));
    }
}
