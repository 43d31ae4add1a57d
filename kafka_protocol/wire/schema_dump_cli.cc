// The tool wire_schema_dump: the schema of every message we know, as a JSON array on standard
// output.

#include <iostream>

#include "kafka_protocol/wire/messages/all.h"
#include "kafka_protocol/wire/schema_dump.h"

int main() {
  using namespace thalweg::wire;
  std::vector<MessageSchema> messages;
#define COLLECT(Name)                                  \
  messages.push_back(message_schema<Name##Request>()); \
  messages.push_back(message_schema<Name##Response>());
  THALWEG_WIRE_APIS(COLLECT)
#undef COLLECT
  for (size_t i = 0; i < messages.size(); ++i) {
    std::cout << (i == 0 ? "[" : ",\n") << to_json(messages[i]);
  }
  std::cout << "]\n";
}
