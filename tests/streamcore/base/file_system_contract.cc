#include "tests/streamcore/base/file_system_contract.h"

#include "streamcore/base/crc32c.h"
#include "streamcore/base/random.h"

namespace thalweg::base {

TEST_P(FileSystemContract, MissingFileIsNotFound) {
  EXPECT_EQ(open_error("x", {}), ErrorCode::kNotFound);
  EXPECT_EQ(open_error("no/such/directory", {.create = true}), ErrorCode::kNotFound);
}

TEST_P(FileSystemContract, ExclusiveCreateOfAnExistingFileFails) {
  open("x");
  EXPECT_EQ(open_error("x", {.create = true, .exclusive = true}), ErrorCode::kAlreadyExists);
}

TEST_P(FileSystemContract, ReadsBackWhatWasWrittenAndStopsAtTheEnd) {
  const auto file = open("x");
  ASSERT_TRUE(write(*file, "hello world", 0, true));
  ASSERT_TRUE(write(*file, "there", 6));
  EXPECT_EQ(read(*file, 0, 100), "hello there");
  EXPECT_EQ(read(*file, 6, 3), "the");
  EXPECT_EQ(read(*file, 11, 10), "");
  EXPECT_EQ(read(*file, 500, 10), "");
  EXPECT_EQ(file->size().value(), 11u);
}

TEST_P(FileSystemContract, WritesManyPartsInOrder) {
  const auto file = open("x");
  std::string whole;
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i)
    texts.push_back(std::string(i % 7, static_cast<char>('a' + i % 26)));
  std::vector<ByteView> parts;
  for (const std::string& text : texts) {
    parts.push_back(as_bytes(text));
    whole += text;
  }
  ASSERT_TRUE(run(file->write_at(parts, 3, true)));
  EXPECT_EQ(read(*file, 3, whole.size() + 1), whole);
}

TEST_P(FileSystemContract, PartsThatAreNotWhatTheirCrcSaysAreRefused) {
  const auto file = open("x");
  const std::string text(100'000, 'x');
  const std::vector<ByteView> parts{as_bytes("head"), as_bytes(text)};
  const uint32_t crc = crc32c(as_bytes(text), crc32c(as_bytes("head")));
  ASSERT_TRUE(run(file->write_at({parts, crc}, 0, true)));
  EXPECT_EQ(read(*file, 0, 5), "headx");
  const Status refused = run(file->write_at({parts, crc ^ 1}, 0, true));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
}

void FileSystemContract::compare_with_a_string(File& file, uint64_t seed) {
  SeededRandom random(seed);
  std::string model;
  for (int round = 0; round < 150; ++round) {
    const bool aligned = random.below(3) == 0;
    uint64_t offset = random.below(30000);
    if (random.below(4) == 0) offset = model.size();
    size_t length = 1 + random.below(random.below(4) == 0 ? 2'500'000 : 9000);
    if (aligned) {
      offset = offset / kIoAlignment * kIoAlignment;
      length = align_up(length, kIoAlignment);
    }
    const Buffer buffer = Buffer::allocate(length + kIoAlignment);
    const size_t shift = aligned ? 0 : random.below(64);
    const std::span<std::byte> bytes(buffer.data() + shift, length);
    for (std::byte& b : bytes) b = static_cast<std::byte>(random.next() >> 56);
    const size_t cut = aligned ? 0 : random.below(length + 1);
    std::vector<ByteView> parts{bytes.first(cut), ByteView{}, bytes.subspan(cut)};
    std::optional<uint32_t> crc;
    if (random.below(2) == 0) crc = crc32c(bytes);
    ASSERT_TRUE(run(file.write_at({parts, crc}, offset, random.below(8) == 0)));
    model.resize(std::max<size_t>(model.size(), offset + length));
    model.replace(offset, length, as_chars(bytes));
    if (random.below(10) == 0) {
      model.resize(random.below(model.size()));
      ASSERT_TRUE(run(file.truncate(model.size())));
    }
    ASSERT_EQ(file.size().value(), model.size());
    const uint64_t from = random.below(model.size() + 100);
    const size_t wanted = random.below(3'000'000);
    std::vector<std::byte> got(wanted);
    const auto n = run(file.read_at(got, from));
    ASSERT_TRUE(n.has_value());
    const std::string expected = from > model.size() ? "" : model.substr(from, wanted);
    ASSERT_EQ(*n, expected.size());
    ASSERT_TRUE(as_chars(ByteView(got).first(*n)) == expected) << "round " << round;
  }
}

TEST_P(FileSystemContract, DirectFileOfAnyAlignmentEqualsAString) {
  const auto file = open("x", {.create = true, .direct = true});
  compare_with_a_string(*file, 11);
}

TEST_P(FileSystemContract, BufferedFileOfAnyAlignmentEqualsAString) {
  const auto file = open("x", {.create = true, .lane = IoLane::kLog});
  compare_with_a_string(*file, 12);
}

TEST_P(FileSystemContract, LinkIsRefusedWhereAFileIs) {
  ASSERT_TRUE(write(*open("x"), "1", 0));
  ASSERT_TRUE(write(*open("y"), "2", 0));
  ASSERT_TRUE(run(files().link("x", "z")));
  const auto again = run(files().link("y", "z"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kAlreadyExists);
  ASSERT_TRUE(run(files().remove("x")));
  EXPECT_EQ(read(*open("z", {}), 0, 9), "1");
}

TEST_P(FileSystemContract, RenameReplaces) {
  ASSERT_TRUE(write(*open("x"), "1", 0));
  ASSERT_TRUE(write(*open("y"), "2", 0));
  ASSERT_TRUE(run(files().rename("x", "y")));
  EXPECT_EQ(read(*open("y", {}), 0, 9), "1");
  EXPECT_EQ(open_error("x", {}), ErrorCode::kNotFound);
}

TEST_P(FileSystemContract, RemovingWhatIsNotThereIsNotFound) {
  EXPECT_EQ(run(files().remove("x")).error().code, ErrorCode::kNotFound);
}

TEST_P(FileSystemContract, ListsSortedNamesAndAMissingDirectoryAsEmpty) {
  ASSERT_TRUE(run(files().make_directories("d/e/f")));
  ASSERT_TRUE(run(files().make_directories("d/e/f")));
  ASSERT_TRUE(write(*open("d/e/b"), "12345", 0));
  open("d/e/a");
  ASSERT_TRUE(run(files().sync_directory("d/e")));
  EXPECT_EQ(run(files().list("d/e")).value(), (std::vector<std::string>{"a", "b", "f"}));
  EXPECT_TRUE(run(files().list("nothing")).value().empty());
  const auto entries = run(files().scan("d/e")).value();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[1].name, "b");
  EXPECT_EQ(entries[1].size, 5u);
  EXPECT_FALSE(entries[1].is_directory);
  EXPECT_TRUE(entries[2].is_directory);
  EXPECT_EQ(run(files().list("")).value(), std::vector<std::string>{"d"});
}

TEST_P(FileSystemContract, LockIsHeldByOneUntilItIsDropped) {
  auto first = files().lock("lock");
  ASSERT_TRUE(first.has_value());
  const auto second = files().lock("lock");
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kAlreadyExists);
  first->reset();
  EXPECT_TRUE(files().lock("lock").has_value());
}

TEST_P(FileSystemContract, FreeSpaceIsKnown) { EXPECT_GT(files().free_bytes().value(), 0u); }

TEST_P(FileSystemContract, AllocatedAndCutSpaceReadsZero) {
  for (const bool direct : {false, true}) {
    const auto file = open(direct ? "d" : "b", {.create = true, .direct = direct});
    ASSERT_TRUE(write(*file, "abc", 0));
    ASSERT_TRUE(run(file->allocate(20000)));
    ASSERT_TRUE(run(file->allocate(100)));
    EXPECT_EQ(file->size().value(), 20000u);
    EXPECT_EQ(read(*file, 0, 6), std::string("abc\0\0\0", 6));
    EXPECT_EQ(read(*file, 19990, 100), std::string(10, '\0'));
    ASSERT_TRUE(run(file->truncate(1)));
    ASSERT_TRUE(run(file->truncate(3)));
    EXPECT_EQ(read(*file, 0, 9), std::string("a\0\0", 3));
  }
}

TEST_P(FileSystemContract, ARemovedFileIsUsedByWhoeverHasItOpen) {
  const auto file = open("x");
  ASSERT_TRUE(write(*file, "1", 0));
  ASSERT_TRUE(run(files().remove("x")));
  EXPECT_EQ(open_error("x", {}), ErrorCode::kNotFound);
  ASSERT_TRUE(write(*file, "2", 1, true));
  EXPECT_EQ(read(*file, 0, 9), "12");
}

TEST_P(FileSystemContract, TwoOpensOfAFileSeeOneContent) {
  const auto first = open("x", {.create = true, .direct = true});
  const auto second = open("x", {.create = true});
  ASSERT_TRUE(write(*first, std::string(5000, 'a'), 0));
  ASSERT_TRUE(write(*second, "b", 4999));
  EXPECT_EQ(read(*first, 4998, 9), "ab");
}

}  // namespace thalweg::base
