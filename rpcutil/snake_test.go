package rpcutil_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-mprpc/mprpc/rpcutil"
)

// snakeForms is the definition of the snake form by example.
var snakeForms = []struct{ goName, wire string }{
	{"Sum", "sum"},
	{"GetUserByID", "get_user_by_id"},
	{"X", "x"},
	{"GetX", "get_x"},
	{"XY", "xy"},
	{"ALLCAPS", "allcaps"},
	{"already_snake", "already_snake"},
	{"lower", "lower"},
	{"camelCase", "camel_case"},

	// Initialisms end before the capital of the next word.
	{"HTTPServer", "http_server"},
	{"ServeHTTP", "serve_http"},
	{"ServeHTTPS", "serve_https"},
	{"HTTPServerURL", "http_server_url"},
	{"ParseJSONToXML", "parse_json_to_xml"},
	{"AServer", "a_server"},
	{"GetAItem", "get_a_item"},
	{"ID", "id"},

	// The plural of an initialism. One capital is none: As is a word.
	{"IDs", "ids"},
	{"UserIDs", "user_ids"},
	{"IDsOf", "ids_of"},
	{"URLsByIDs", "urls_by_ids"},
	{"IDs2", "ids2"},
	{"GetIDs_", "get_ids_"},
	{"As", "as"},
	{"IsOK", "is_ok"},
	{"GetIDSet", "get_id_set"},
	{"DNSServers", "dns_servers"},

	// The version of an initialism.
	{"ParseIPv6", "parse_ipv6"},
	{"IPv4Address", "ipv4_address"},
	{"IPvSix", "i_pv_six"},
	{"URLv", "ur_lv"},
	{"GetURLValue", "get_url_value"},

	// Digits belong to the word before them, and a capital after them begins another.
	{"SHA256Sum", "sha256_sum"},
	{"Sum256", "sum256"},
	{"GetV2", "get_v2"},
	{"GetV2API", "get_v2_api"},
	{"ToUTF8", "to_utf8"},
	{"X509Cert", "x509_cert"},
	{"Base64URL", "base64_url"},
	{"Get2nd", "get2nd"},
	{"Render3D", "render3_d"},

	// Underscores are kept and none is doubled.
	{"Get_User", "get_user"},
	{"Get_ID", "get_id"},
	{"Get__ID", "get__id"},
	{"Get_", "get_"},
	{"_Get", "_get"},
	{"GET_USER", "get_user"},

	// Letters are those of Unicode, also without case (U+4E16) and with a title case (U+01C5). U+1D400 is a capital without a
	// small letter.
	{"GrößeÄndern", "größe_ändern"},
	{"ÄÖÜTest", "äöü_test"},
	{"Получить", "получить"},
	{"ПолучитьИмя", "получить_имя"},
	{"Get世界", "get世界"},
	{"Get世界By", "get世界_by"},
	{"Xǅ", "xǆ"},
	{"Get\U0001D400", "get\U0001D400"},
	{"A\U0001D400b", "a\U0001D400b"},

	// There is no dictionary.
	{"OAuth2Token", "o_auth2_token"},
	{"GraphQL", "graph_ql"},
}

func TestSnakeCase(t *testing.T) {
	for _, c := range snakeForms {
		if got := rpcutil.SnakeCase.ToWire("Service." + c.goName); got != c.wire {
			t.Errorf("SnakeCase.ToWire(Service.%s) = %q, want %q", c.goName, got, c.wire)
		}
	}
}

func TestSnakeCaseDropsTheService(t *testing.T) {
	for goName, want := range map[string]string{
		"SumServer.Sum":       "sum",
		"v1.User.GetUserByID": "get_user_by_id",
		".Sum":                "sum",
		// Without a method there is nothing to translate.
		"nvim_get_mode": "nvim_get_mode",
		"Sum":           "Sum",
		"Service.":      "Service.",
		"":              "",
	} {
		if got := rpcutil.SnakeCase.ToWire(goName); got != want {
			t.Errorf("SnakeCase.ToWire(%q) = %q, want %q", goName, got, want)
		}
	}
}

func TestSnakeCaseFindsNothing(t *testing.T) {
	for _, wire := range []string{"sum", "SumServer.Sum", ""} {
		if goName, ok := rpcutil.SnakeCase.FromWire(wire); ok || goName != "" {
			t.Errorf("SnakeCase.FromWire(%q) = %q, %t; want nothing", wire, goName, ok)
		}
	}
}

// FuzzSnakeCase holds for any name what the table shows for some: the form is text, it is stable, it has no capital left, and
// nothing but underscores is added.
func FuzzSnakeCase(f *testing.F) {
	for _, c := range snakeForms {
		f.Add(c.goName)
	}
	f.Add("\xff")
	f.Fuzz(func(t *testing.T, name string) {
		if name == "" || strings.Contains(name, ".") {
			return // nothing to translate, or other rules
		}
		wire := rpcutil.SnakeCase.ToWire("S." + name)
		if !utf8.ValidString(wire) {
			t.Errorf("the form of %q is not text: %q", name, wire)
		}
		if again := rpcutil.SnakeCase.ToWire("S." + wire); again != wire {
			t.Errorf("the form of %q is not stable: %q, then %q", name, wire, again)
		}
		if wire != strings.ToLower(wire) && utf8.ValidString(name) {
			t.Errorf("the form of %q has a capital: %q", name, wire)
		}
		letters := func(s string) string {
			return strings.ReplaceAll(strings.ToLower(strings.ToValidUTF8(s, "\uFFFD")), "_", "")
		}
		if got, want := letters(wire), letters(name); utf8.ValidString(name) && got != want {
			t.Errorf("the form of %q is %q: other letters", name, wire)
		}
	})
}
