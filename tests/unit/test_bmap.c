// SPDX-License-Identifier: MIT
#include "base/digest.h"
#include "check.h"
#include "core/failure.h"
#include "image/bmap.h"

#define HEX64    "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddd0"
#define HEX40    "0123456789abcdef0123456789ABCDEF01234567"
#define CHECKSUM "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"

// 9 blocks of 4096 with a last one of 100 bytes; 5 mapped.
static const char v20[] = "<?xml version=\"1.0\" ?>\n"
                          "<bmap version=\"2.0\">\n"
                          "    <ImageSize> 32868 </ImageSize>\n"
                          "    <BlockSize> 4096 </BlockSize>\n"
                          "    <BlocksCount> 9 </BlocksCount>\n"
                          "    <MappedBlocksCount> 5 </MappedBlocksCount>\n"
                          "    <ChecksumType> sha256 </ChecksumType>\n"
                          "    <BmapFileChecksum> " CHECKSUM " </BmapFileChecksum>\n"
                          "    <BlockMap>\n"
                          "        <Range chksum=\"" HEX64 "\"> 0-1 </Range>\n"
                          "        <Range chksum=\"" HEX64 "\"> 4 - 5 </Range>\n"
                          "        <Range> 8 </Range>\n"
                          "    </BlockMap>\n"
                          "</bmap>\n";

static const char v10[] = "<bmap version=\"1.0\"><ImageSize>32868</ImageSize><BlockSize>4096</BlockSize>"
                          "<BlocksCount>9</BlocksCount><MappedBlocksCount>5</MappedBlocksCount>"
                          "<BlockMap><Range>0-1</Range><Range>4-5</Range><Range>8</Range></BlockMap></bmap>";

static const char v12[] = "<bmap version=\"1.2\"><ImageSize>32868</ImageSize><BlockSize>4096</BlockSize>"
                          "<BlocksCount>9</BlocksCount><BlockMap><Range sha1=\"" HEX40 "\">0-1</Range>"
                          "<Range>4-5</Range><Range>8</Range></BlockMap>"
                          "<MappedBlocksCount>5</MappedBlocksCount></bmap>";

static const char v13[] = "<bmap version=\"1.3\"><ImageSize>32868</ImageSize><BlockSize>4096</BlockSize>"
                          "<BlocksCount>9</BlocksCount><MappedBlocksCount>5</MappedBlocksCount>"
                          "<BmapFileSHA1>@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@</BmapFileSHA1>"
                          "<BlockMap><Range sha1=\"" HEX40 "\">0-1</Range>"
                          "<Range>4-5</Range><Range>8</Range></BlockMap></bmap>";

// `text` with `from` replaced by `to` once, and the file checksum filled in where "@@..." stands.
static char *build(const char *text, const char *from, const char *to, const char *type)
{
	char *out = NULL;
	const char *at = from ? strstr(text, from) : NULL;
	assert_true(!from || at);
	assert_true(asprintf(&out, "%.*s%s%s", at ? (int)(at - text) : 0, text, at ? to : "",
	                    at ? at + strlen(from) : text) > 0);
	char *mark = strchr(out, '@');
	size_t digits = mark ? strspn(mark, "@") : 0;
	if (!mark)
		return out;
	uint8_t digest[DIGEST_MAX_SIZE];
	char hex[DIGEST_HEX_SIZE];
	_cleanup_digest_ struct digest *d = NULL;
	memset(mark, '0', digits);
	assert_int_equal(digest_new(&d, type, NULL), 0);
	digest_update(d, out, strlen(out));
	digest_hex(digest, digest_final(d, digest), hex);
	memcpy(mark, hex, digits);
	return out;
}

static int parse(const char *text, struct bmap **out, struct err *e)
{
	return bmap_parse("a.bmap", text, strlen(text), out, e);
}

static void accepts(const char *text, const char *from, const char *to, const char *type)
{
	_cleanup_free_ char *whole = build(text, from, to, type);
	_cleanup_bmap_ struct bmap *b = NULL;
	struct err e = {0};
	if (parse(whole, &b, &e) < 0)
		fail_msg("'%s': %s", to, e.text);
	assert_int_equal(b->count, 3);
	assert_int_equal(b->image_size, 32868);
	assert_int_equal(b->ranges[1].first, 4);
	assert_int_equal(b->ranges[1].last, 5);
	assert_int_equal(bmap_range_length(b, &b->ranges[1]), 8192);
	assert_int_equal(bmap_range_length(b, &b->ranges[2]), 100); // the last block is cut short
}

static void refuses(const char *text, const char *from, const char *to, const char *why)
{
	_cleanup_free_ char *whole = build(text, from, to, "sha256");
	_cleanup_bmap_ struct bmap *b = NULL;
	struct err e = {0};
	if (parse(whole, &b, &e) >= 0)
		fail_msg("'%s' was accepted", to);
	if (strcmp(e.text, why) != 0)
		fail_msg("'%s':\n  says    %s\n  not     %s", to, e.text, why);
	assert_int_equal(e.failure, FAILURE_IMPORT_FAILED);
	assert_null(strchr(e.text, '\n'));
}

static void every_version_is_read(void **state)
{
	(void)state;
	accepts(v10, NULL, NULL, NULL);
	accepts(v10, "1.0", "1.1", NULL);
	accepts(v12, NULL, NULL, NULL);
	accepts(v13, NULL, NULL, "sha1");
	accepts(v20, NULL, NULL, "sha256");
	accepts(v20, "2.0", "1.4", "sha256");
	accepts(v20, "2.0", "2.1", "sha256");
}

static void unusual_but_legal_writing_is_read(void **state)
{
	(void)state;
	accepts(v20, "4 - 5", "4-5", "sha256");
	accepts(v20, "4 - 5", "\n\t4\n-\t5\n", "sha256");
	accepts(v20, HEX64, "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDD0", "sha256");
	accepts(v20, "<BlockMap>", "<!-- 7-8 --><Later><Still>1</Still></Later><BlockMap>", "sha256");
	accepts(v20, " 32868 ", "<![CDATA[32868]]>", "sha256");
	accepts(v20, " 32868 ", "&#51;2868", "sha256");
}

static void every_hash_the_format_may_name_is_known(void **state)
{
	(void)state;
	static const struct {
		const char *type;
		int digits;
	} types[] = {{"sha1", 40}, {"sha224", 56}, {"sha256", 64}, {"sha384", 96}, {"sha512", 128}};
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		char text[2048], digits[129], *p = text;
		memset(digits, 'a', 128);
		digits[types[i].digits] = '\0';
		p += sprintf(p,
		        "<bmap version=\"2.0\"><ImageSize>32868</ImageSize><BlockSize>4096</BlockSize>"
		        "<BlocksCount>9</BlocksCount><MappedBlocksCount>5</MappedBlocksCount>"
		        "<ChecksumType>%s</ChecksumType><BmapFileChecksum>",
		        types[i].type);
		memset(p, '@', (size_t)types[i].digits);
		p += types[i].digits;
		sprintf(p,
		        "</BmapFileChecksum><BlockMap><Range chksum=\"%s\">0-1</Range><Range>4-5</Range>"
		        "<Range>8</Range></BlockMap></bmap>",
		        digits);
		accepts(text, NULL, NULL, types[i].type);
	}
}

static void each_fault_has_its_own_message_with_the_line(void **state)
{
	(void)state;
	static const char *const faults[][3] = {
	        {" 0-1 ", " 1-0 ", "a.bmap:10: range 1-0 ends before it starts"},
	        {" 4 - 5 ", " 1-2 ", "a.bmap:11: range 1-2 overlaps 0-1"},
	        {" 8 ", " 3 ", "a.bmap:12: range 3-3 stands behind 4-5: not in order"},
	        {" 8 ", " 9 ", "a.bmap:12: range 9-9 goes past the image's 9 blocks"},
	        {" 8 ", " 7-8 ", "a.bmap:6: MappedBlocksCount is 5, but the ranges hold 6 blocks"},
	        {" 8 ", " 8x ", "a.bmap:12: range ' 8x ' is not of the form N or N-M"},
	        {" 8 ", " -8 ", "a.bmap:12: range ' -8 ' is not of the form N or N-M"},
	        {" 8 ", " 8- ", "a.bmap:12: range ' 8- ' is not of the form N or N-M"},
	        {" 8 ", " 8-8-8 ", "a.bmap:12: range ' 8-8-8 ' is not of the form N or N-M"},
	        {" 8 ", "", "a.bmap:12: range '' is not of the form N or N-M"},
	        {" 8 ", " 18446744073709551616 ",
	                "a.bmap:12: range ' 18446744073709551616 ': a number does not fit 64 bits"},
	        {" 8 ", " 18446744073709551615 ",
	                "a.bmap:12: range 18446744073709551615-18446744073709551615 goes past the image's 9 "
	                "blocks"},
	        {"> 9 <", "> 8 <", "a.bmap:5: BlocksCount is 8, but ImageSize and BlockSize make 9 blocks"},
	        {"> 5 <", "> 4 <", "a.bmap:6: MappedBlocksCount is 4, but the ranges hold 5 blocks"},
	        {" 32868 ", " 0 ", "a.bmap:3: ImageSize 0 cannot be"},
	        {" 32868 ", " -1 ", "a.bmap:3: ImageSize '-1' is not a number"},
	        {" 32868 ", " 99999999999999999999 ",
	                "a.bmap:3: ImageSize '99999999999999999999' does not fit 64 bits"},
	        {" 32868 ", " 18446744073709551615 ", "a.bmap:3: ImageSize 18446744073709551615 cannot be"},
	        {" 4096 ", " 0 ", "a.bmap:4: BlockSize 0 is not a power of two from 512 bytes to 1 GiB"},
	        {" 4096 ", " 4095 ",
	                "a.bmap:4: BlockSize 4095 is not a power of two from 512 bytes to 1 GiB"},
	        {" sha256 ", " md5 ",
	                "a.bmap:7: ChecksumType 'md5' is not one of sha1, sha224, sha256, sha384, sha512"},
	        {" sha256 ", " sha1 ", "a.bmap:10: range digest has 64 digits, sha1 has 40"},
	        {"<ChecksumType> sha256 </ChecksumType>", "", "a.bmap:14: has no <ChecksumType>"},
	        {"<ImageSize> 32868 </ImageSize>", "", "a.bmap:14: has no <ImageSize>"},
	        {"<MappedBlocksCount> 5 </MappedBlocksCount>", "", "a.bmap:14: has no <MappedBlocksCount>"},
	        {"<BmapFileChecksum> " CHECKSUM " </BmapFileChecksum>", "",
	                "a.bmap:14: has no <BmapFileChecksum>"},
	        {CHECKSUM, HEX64,
	                "a.bmap:8: BmapFileChecksum does not match: the bmap was changed or damaged; get a "
	                "good copy"},
	        {CHECKSUM, "12ab", "a.bmap:8: BmapFileChecksum '12ab' is not a sha256 digest"},
	        {"\"" HEX64 "\"", "\"12ag\"", "a.bmap:10: range digest '12ag' is malformed"},
	        {"\"" HEX64 "\"", "\"\"", "a.bmap:10: range digest '' is malformed"},
	        {"\"" HEX64 "\"", "\"abc\"", "a.bmap:10: range digest 'abc' is malformed"},
	        {"chksum=", "sha1=",
	                "a.bmap:10: a bmap 2.0 has no 'sha1' on its ranges; the digest would not be checked"},
	        {"2.0", "3.0", "a.bmap:2: bmap version 3.0 is not known; versions 1.0 to 2.0 are"},
	        {"2.0", "0.9", "a.bmap:2: bmap version 0.9 is not known; versions 1.0 to 2.0 are"},
	        {"2.0", "two", "a.bmap:2: version 'two' is not of the form 2.0"},
	        {"2.0", "99999999999.0", "a.bmap:2: version '99999999999.0' is not of the form 2.0"},
	        {" version=\"2.0\"", "", "a.bmap:2: <bmap> has no version"},
	        {"<bmap version=\"2.0\">", "<map version=\"2.0\">",
	                "a.bmap:2: is not a bmap: its root element is not <bmap>"},
	        {"<BlockSize>", "<ImageSize> 1 </ImageSize><BlockSize>",
	                "a.bmap:4: <ImageSize> stands twice"},
	        {"    </BlockMap>", "    </BlockMap><BlockMap/>", "a.bmap:13: <BlockMap> stands twice"},
	        {" 32868 ", "<b>1</b>", "a.bmap:3: <b> stands inside a value"},
	        {"<BlockMap>", "<a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a><BlockMap>",
	                "a.bmap:9: elements are nested deeper than a bmap's"},
	        {"<bmap ", "<!DOCTYPE bmap [<!ENTITY a \"b\">]>\n<bmap ",
	                "a.bmap:2: has a DOCTYPE, which a bmap never has; entities are not read"},
	        {"<bmap ", "<!DOCTYPE bmap SYSTEM \"http://localhost/a.dtd\">\n<bmap ",
	                "a.bmap:2: has a DOCTYPE, which a bmap never has; entities are not read"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		refuses(v20, faults[i][0], faults[i][1], faults[i][2]);
	refuses(v13, "<BmapFileSHA1>@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@</BmapFileSHA1>", "",
	        "a.bmap:1: has no <BmapFileSHA1>");
	refuses(v12, "sha1=", "chksum=",
	        "a.bmap:1: a bmap 1.2 has no 'chksum' on its ranges; the digest would not be checked");
}

static void what_is_no_xml_is_refused(void **state)
{
	(void)state;
	struct bmap *b = NULL;
	struct err e;
	assert_true(bmap_parse("a.bmap", "", 0, &b, &e) < 0);
	assert_string_equal(e.text, "a.bmap: is empty");
	assert_true(bmap_parse("a.bmap", "\0\0\0\0", 4, &b, &e) < 0);
	assert_non_null(strstr(e.text, "is not well-formed XML"));
	_cleanup_free_ char *cut = build(v20, NULL, NULL, "sha256");
	for (size_t n = 1; n < strlen(cut) - 1; n += 7) {
		assert_true(bmap_parse("a.bmap", cut, n, &b, &e) < 0);
		assert_null(b);
	}
}

static void a_value_without_end_stops_the_parser(void **state)
{
	(void)state;
	_cleanup_free_ char *many = malloc(10 * MIB + 1);
	memset(many, ' ', 10 * MIB);
	many[10 * MIB] = '\0';
	refuses(v20, " 8 ", many, "a.bmap:12: <Range> is too long");
	struct bmap *b = NULL;
	struct err e;
	assert_true(bmap_parse("a.bmap", many, BMAP_FILE_MAX + 1, &b, &e) < 0); // refused unread
	assert_string_equal(e.text, "a.bmap: is larger than the 64 MiB a bmap may have");
}

static void half_a_million_ranges_are_read(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	const unsigned count = 500000;
	fprintf(f,
	        "<bmap version=\"1.0\"><ImageSize>%u</ImageSize><BlockSize>512</BlockSize><BlocksCount>%u"
	        "</BlocksCount><MappedBlocksCount>%u</MappedBlocksCount><BlockMap>\n",
	        2 * count * 512, 2 * count, count);
	for (unsigned i = 0; i < count; i++)
		fprintf(f, "<Range>%u</Range>\n", 2 * i);
	fprintf(f, "</BlockMap></bmap>");
	assert_int_equal(fclose(f), 0);
	_cleanup_bmap_ struct bmap *b = NULL;
	assert_int_equal(bmap_parse("a.bmap", text, size, &b, NULL), 0);
	assert_int_equal(b->count, count);
	assert_int_equal(b->ranges[count - 1].line, count + 1); // beyond the 65535 lines of a libxml2 tree
	free(text);
}

// Whatever the bytes are: a sound map, or one line that says why not.
static void damaged_files_never_get_through_unsound(void **state)
{
	(void)state;
	static const char *const pieces[] = {"<", ">", "</Range>", "<Range>", "&amp;", "-",
	        "18446744073709551615", "0", "<BlockMap>", "\"", "<!--", "]]>", "<?", "\xff\xfe", "version",
	        "<![CDATA["};
	const char *const texts[] = {v10, v12, v10, v20};
	unsigned seed = 1, accepted = 0;
	for (unsigned i = 0; i < 20000; i++) {
		char text[2048];
		STR_COPY(text, texts[i % 4]);
		size_t size = strlen(text);
		for (int n = 1 + rand_r(&seed) % 3; n > 0; n--) {
			size_t at = (size_t)rand_r(&seed) % size;
			const char *piece = pieces[(size_t)rand_r(&seed) % ARRAY_SIZE(pieces)];
			switch (rand_r(&seed) % 4) {
			case 0: text[at] = (char)rand_r(&seed); break;
			case 1: text[at] = (char)('0' + rand_r(&seed) % 10); break;
			case 2: memcpy(text + at, piece, u64_min(strlen(piece), size - at)); break;
			default: size -= (size_t)rand_r(&seed) % (size / 8); break;
			}
		}
		_cleanup_bmap_ struct bmap *b = NULL;
		struct err e = {0};
		int r = bmap_parse("a.bmap", text, size, &b, &e);
		if (r < 0) {
			assert_true(e.text[0] && !strchr(e.text, '\n') && e.failure);
			continue;
		}
		accepted++;
		_cleanup_free_ struct plan_range *plan = NULL;
		assert_int_equal(bmap_plan(b, &plan, NULL), 0);
		assert_true(plan_is_sound(plan, b->count, b->image_size));
	}
	assert_true(accepted > 100); // the damage was not always fatal: the claim above was put to the test
}

static void what_is_written_reads_back_the_same(void **state)
{
	(void)state;
	_cleanup_free_ char *text = build(v20, NULL, NULL, "sha256");
	_cleanup_bmap_ struct bmap *a = NULL, *b = NULL;
	assert_int_equal(parse(text, &a, NULL), 0);
	_cleanup_free_ char *written = NULL;
	size_t size;
	assert_int_equal(bmap_text(a, &written, &size, NULL), 0);
	assert_int_equal(bmap_parse("b.bmap", written, size, &b, NULL), 0);
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		assert_int_equal(a->ranges[i].first, b->ranges[i].first);
		assert_int_equal(a->ranges[i].last, b->ranges[i].last);
		assert_int_equal(a->ranges[i].digest_size, b->ranges[i].digest_size);
		assert_memory_equal(a->ranges[i].digest, b->ranges[i].digest, a->ranges[i].digest_size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_version_is_read),
	        cmocka_unit_test(unusual_but_legal_writing_is_read),
	        cmocka_unit_test(every_hash_the_format_may_name_is_known),
	        cmocka_unit_test(each_fault_has_its_own_message_with_the_line),
	        cmocka_unit_test(what_is_no_xml_is_refused),
	        cmocka_unit_test(a_value_without_end_stops_the_parser),
	        cmocka_unit_test(half_a_million_ranges_are_read),
	        cmocka_unit_test(damaged_files_never_get_through_unsound),
	        cmocka_unit_test(what_is_written_reads_back_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
