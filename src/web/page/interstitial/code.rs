//! The code by which each network counts a page: it queues that the page was seen, loads the network's script, and that
//! reports what was queued.
//!
//! Ids are letters, digits, `-` and `_` only, see [`Network::parse_id`].

use crate::domain::pixel::Network;

/// Loads a script that runs when it has come.
const LOAD: &str = "function load(u,f){var s=document.createElement('script');s.async=true;s.src=u;if(f)s.onload=f;\
                    document.head.appendChild(s);return s}";

/// The script of a page, without its element. `nonce` is what the page's policy knows its scripts by.
pub(super) fn script(network: Network, id: &str, nonce: &str) -> String {
    let code = match network {
        Network::Meta => format!(
            "var q=w.fbq;if(!q){{q=w.fbq=w._fbq=function(){{q.callMethod?q.callMethod.apply(q,arguments):q.queue.push(arguments)}};\
             q.push=q;q.loaded=true;q.version='2.0';q.queue=[];load('https://connect.facebook.net/en_US/fbevents.js')}}\
             q('init','{id}');q('track','PageView')"
        ),
        Network::Ga4 => format!(
            "w.dataLayer=w.dataLayer||[];w.gtag=w.gtag||function(){{w.dataLayer.push(arguments)}};\
             w.gtag('js',new Date());w.gtag('config','{id}');load('https://www.googletagmanager.com/gtag/js?id={id}')"
        ),
        Network::Gtm => format!(
            "w.dataLayer=w.dataLayer||[];w.dataLayer.push({{'gtm.start':Date.now(),event:'gtm.js'}});\
             load('https://www.googletagmanager.com/gtm.js?id={id}').setAttribute('nonce','{nonce}')"
        ),
        Network::Tiktok => format!(
            "w.TiktokAnalyticsObject='ttq';var t=w.ttq=w.ttq||[],u='https://analytics.tiktok.com/i18n/pixel/events.js';\
             function later(o,m){{o[m]=function(){{o.push([m].concat([].slice.call(arguments)))}}}}\
             t.methods=['page','track','identify','instances','debug','on','off','once','ready','alias','group',\
             'enableCookie','disableCookie','holdConsent','revokeConsent','grantConsent'];t.setAndDefer=later;\
             t.methods.forEach(function(m){{later(t,m)}});\
             t.instance=function(i){{var o=t._i[i]||[];t.methods.forEach(function(m){{later(o,m)}});return o}};\
             t._i=t._i||{{}};t._i['{id}']=[];t._i['{id}']._u=u;t._t=t._t||{{}};t._t['{id}']=Date.now();\
             t._o=t._o||{{}};t._o['{id}']={{}};load(u+'?sdkid={id}&lib=ttq');t.page()"
        ),
        Network::Linkedin => format!(
            "w._linkedin_partner_id='{id}';(w._linkedin_data_partner_ids=w._linkedin_data_partner_ids||[]).push('{id}');\
             if(!w.lintrk){{w.lintrk=function(a,b){{w.lintrk.q.push([a,b])}};w.lintrk.q=[]}}\
             load('https://snap.licdn.com/li.lms-analytics/insight.min.js')"
        ),
        Network::MicrosoftUet => format!(
            "w.uetq=w.uetq||[];load('https://bat.bing.com/bat.js',function(){{\
             w.uetq=new w.UET({{ti:'{id}',q:w.uetq}});w.uetq.push('pageLoad')}})"
        ),
        Network::Pinterest => format!(
            "if(!w.pintrk){{w.pintrk=function(){{w.pintrk.queue.push([].slice.call(arguments))}};w.pintrk.queue=[];\
             w.pintrk.version='3.0';load('https://s.pinimg.com/ct/core.js')}}w.pintrk('load','{id}');w.pintrk('page')"
        ),
        Network::Reddit => format!(
            "if(!w.rdt){{var r=w.rdt=function(){{r.sendEvent?r.sendEvent.apply(r,arguments):r.callQueue.push(arguments)}};\
             r.callQueue=[];load('https://www.redditstatic.com/ads/pixel.js')}}w.rdt('init','{id}');w.rdt('track','PageVisit')"
        ),
        Network::Snapchat => format!(
            "if(!w.snaptr){{var a=w.snaptr=function(){{a.handleRequest?a.handleRequest.apply(a,arguments):a.queue.push(arguments)}};\
             a.queue=[];load('https://sc-static.net/scevent.min.js')}}w.snaptr('init','{id}');w.snaptr('track','PAGE_VIEW')"
        ),
        Network::X => format!(
            "if(!w.twq){{var e=w.twq=function(){{e.exe?e.exe.apply(e,arguments):e.queue.push(arguments)}};\
             e.version='1.1';e.queue=[];load('https://static.ads-twitter.com/uwt.js')}}w.twq('config','{id}')"
        ),
    };
    format!("(function(w){{{LOAD}{code}}})(window)")
}

/// What counts the page without scripts, as HTML; `None` where the network has nothing.
pub(super) fn without_scripts(network: Network, id: &str) -> Option<String> {
    if network == Network::Gtm {
        let src = format!("https://www.googletagmanager.com/ns.html?id={id}");
        return Some(format!("<iframe src=\"{src}\" title=\"\" width=\"0\" height=\"0\" hidden></iframe>"));
    }
    picture(network, id)
}

/// The picture that counts the page; `None` where the network has none. It runs nobody's code.
pub(super) fn picture(network: Network, id: &str) -> Option<String> {
    let src = match network {
        Network::Meta => format!("https://www.facebook.com/tr?id={id}&amp;ev=PageView&amp;noscript=1"),
        Network::Linkedin => format!("https://px.ads.linkedin.com/collect/?pid={id}&amp;fmt=gif"),
        Network::MicrosoftUet => format!("https://bat.bing.com/action/0?ti={id}&amp;Ver=2"),
        Network::Pinterest => format!("https://ct.pinterest.com/v3/?event=init&amp;tid={id}&amp;noscript=1"),
        Network::Ga4 | Network::Gtm | Network::Tiktok | Network::Reddit | Network::Snapchat | Network::X => {
            return None;
        }
    };
    // Not hidden by an attribute: browsers need not load what is not shown.
    Some(format!("<img src=\"{src}\" alt=\"\" width=\"1\" height=\"1\" style=\"position:absolute;opacity:0\">"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hosts of every address in a text.
    fn hosts(text: &str) -> Vec<String> {
        let rest = text.split("https://").skip(1);
        rest.map(|rest| format!("https://{}", rest.split(['/', '\'', '"']).next().unwrap_or_default())).collect()
    }

    #[test]
    fn code_loads_from_the_networks_own_hosts() {
        for network in Network::ALL {
            let code = script(network, "ID-1_a", "abc");
            let known = network.hosts();
            let loads = hosts(&code);
            assert!(!loads.is_empty() && code.contains("ID-1_a"), "{network:?}");
            assert!(loads.iter().all(|host| known.script.contains(host.as_str())), "{network:?} {loads:?}");
            assert!(!code.contains(['<', '\n']) && !code.contains("//'"), "{network:?}: {code}");
            assert_eq!(code.matches(['{', '(', '[']).count(), code.matches(['}', ')', ']']).count(), "{code}");
            let shown = without_scripts(network, "ID-1_a").unwrap_or_default();
            let allowed = format!("{} {}", known.image, known.frame);
            assert!(hosts(&shown).iter().all(|host| allowed.contains(host.as_str()) || network == Network::Gtm));
        }
    }

    #[test]
    fn a_picture_runs_no_code() {
        let with_picture: Vec<_> =
            Network::ALL.into_iter().filter(|network| picture(*network, "1").is_some()).collect();
        assert_eq!(with_picture, [Network::Meta, Network::Linkedin, Network::MicrosoftUet, Network::Pinterest]);
    }
}
