// What a server's ETags are, in words. Pure.
//
// Servers differ in all of it. An ETag is the MD5 of the content here and something else there (of
// several parts, under other encryption, in S3's directory buckets); it comes in quotes or not, or
// weak from a proxy that changes contents; the If-Match of a put wants the quotes (RFC 9110), takes
// both (AWS, MinIO), or wants none (Ceph's gateway). So nothing here relies on any: who put an
// object is told by metadata of our own, and what is in it by CRCs of our own.
#pragma once

#include <string>
#include <string_view>

namespace thalweg::object_store::s3 {

struct EtagAnswers {
  std::string etag;           // as answered; empty: none was
  bool takes_quoted = false;  // a put with If-Match and it in quotes is granted,
  bool takes_bare = false;    // without quotes,
  bool takes_others = false;  // and with another's
};

// Without quotes, and without what says that it is weak.
std::string bare_etag(std::string_view etag);
// "in quotes, the MD5 of the content; If-Match takes them in quotes and without"
std::string describe(const EtagAnswers& answers, std::string_view content);

}  // namespace thalweg::object_store::s3
