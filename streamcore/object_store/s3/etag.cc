#include "streamcore/object_store/s3/etag.h"

#include <algorithm>
#include <cctype>

#include "streamcore/object_store/s3/hex.h"
#include "streamcore/object_store/s3/md5.h"

namespace thalweg::object_store::s3 {

namespace {

constexpr std::string_view kWeak = "W/";

std::string_view how_it_matches(const EtagAnswers& answers) {
  if (answers.takes_others) return "If-Match is ignored";
  if (answers.takes_quoted && answers.takes_bare) {
    return "If-Match takes them in quotes and without";
  }
  if (answers.takes_quoted) return "If-Match takes them in quotes only";
  if (answers.takes_bare) return "If-Match takes them without quotes only";
  return "If-Match takes none";
}

}  // namespace

std::string bare_etag(std::string_view etag) {
  if (etag.starts_with(kWeak)) etag.remove_prefix(kWeak.size());
  if (etag.size() >= 2 && etag.starts_with('"') && etag.ends_with('"')) {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

std::string describe(const EtagAnswers& answers, std::string_view content) {
  if (answers.etag.empty()) return "there are none";
  std::string etag = bare_etag(answers.etag);
  std::ranges::transform(etag, etag.begin(), [](unsigned char c) { return std::tolower(c); });
  std::string text = answers.etag.starts_with(kWeak) ? "weak, " : "";
  text += answers.etag.ends_with('"') ? "in quotes, " : "without quotes, ";
  text += etag == hex(md5(content).value_or(Md5{})) ? "the MD5 of the content; "
                                                    : "not the MD5 of the content; ";
  return text.append(how_it_matches(answers));
}

}  // namespace thalweg::object_store::s3
