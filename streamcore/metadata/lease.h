// Lease: the proof that this process still owns what its metadata describe, where no lock on a
// directory proves it (P3, P14).
//
// A counter in metadata that its holder moves on now and then. Whoever finds it standing still for
// the lease's length, by a clock of its own, takes it over; so the holder may trust it for that
// length from before it sent the renewal. No two clocks are compared, but both must run at nearly
// the same rate, and count on while the machine sleeps (Clock::since_boot). A renewal whose outcome
// is not known is none.
//
// It is renewed while somebody relies on it (holds()), and lapses when nobody does: an idle owner
// writes nothing. A lapsed lease is not a lost one: it is renewed when it is needed next, unless
// another has taken it meanwhile, which is the end of this owner.
//
// It fences nothing by itself: every transaction of the owner carries condition()
// (owned_metadata_store.h), and the log has its SEALs.
//
// One executor. The metadata store and the clock outlive it or its stop_and_join().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "streamcore/base/clock.h"
#include "streamcore/base/executor.h"
#include "streamcore/base/random.h"
#include "streamcore/base/sync.h"
#include "streamcore/base/task_group.h"
#include "streamcore/metadata/lease_row_format.h"
#include "streamcore/metadata/metadata_store.h"

namespace thalweg::metadata {

struct LeaseOptions {
  // A taker waits this long, and an eighth longer for a clock that runs faster than the holder's.
  std::chrono::milliseconds length = std::chrono::seconds(3);
  // How long prove() waits for a metadata store that does not answer.
  base::Duration prove_wait_max = std::chrono::seconds(5);
};

class LeaseListener {
 public:
  virtual ~LeaseListener() = default;
  // It holds: from here on, for who was refused before.
  virtual void lease_renewed() = 0;
  // Once, and nothing after it. kFenced: another owner took over; otherwise why it can never be
  // renewed again.
  virtual void lease_lost(const base::Error& error) = 0;
};

class Lease {
 public:
  struct Parts {
    base::Executor& executor;
    base::Clock& clock;
    base::Random& random;
    MetadataStore& metadata;  // not an OwnedMetadataStore
  };
  // `name`: who this is, for the messages of others.
  Lease(Parts parts, std::string name, LeaseOptions options);

  // As it was found, and may be taken.
  struct Found {
    std::optional<std::string> bytes;
    LeaseRow row{};
    bool free() const { return !bytes || row.state == LeaseState::kReleased; }
  };
  // Until it was released, was never taken, or stood still, which takes a while to see. Writes
  // nothing. kAlreadyExists: its holder lives.
  base::Task<base::Result<Found>> wait_until_free();
  // Takes it, unless another came first, which is waited for again. Once.
  base::Task<base::Status> acquire(Found found);
  base::Task<base::Status> acquire();
  // Told of what becomes of it from now on, until forget().
  void listen(LeaseListener& listener) { listeners_.push_back(&listener); }
  void forget(LeaseListener& listener) { std::erase(listeners_, &listener); }
  // Called once, after the listeners, when it is lost.
  void on_lost(base::Callback lost) { on_lost_ = std::move(lost); }

  // The condition of every transaction of this owner.
  Condition condition() const { return {std::string(kGrantKey), grant_}; }
  // True if nobody else can have taken it over yet.
  bool valid() const;
  // The same for who will ask again soon: it is kept renewed, and if it lapsed, renewed now.
  bool holds();
  // Waits until it is valid; one renewal for all who wait. kFenced, kUnavailable, kClosed.
  base::Task<base::Status> prove();
  // Why it can never be valid again.
  const std::optional<base::Error>& lost() const { return lost_; }
  // Something tells that another may have taken over: it is not valid until that was looked at.
  void doubt();
  // Looks who holds it now, and loses it if that is another: for who saw condition() fail. kFenced
  // then.
  base::Task<base::Status> check_holder();

  // Lets others take it at once. Nothing of this owner is on its way any more.
  base::Task<base::Status> release();
  base::Task<void> stop_and_join();

 private:
  base::Task<base::Result<Found>> find();
  // False if another came first.
  base::Task<base::Result<bool>> take(const Found& found);
  base::Task<void> keep_renewed();
  base::Task<base::Status> renew();
  base::Task<base::Status> commit(LeaseRow row, Transaction more);
  void extend(base::Duration sent_at);
  void want();
  base::Task<void> look_at_holder();
  void lose(base::Error error);

  Parts parts_;
  const LeaseOptions options_;
  std::vector<LeaseListener*> listeners_;
  base::Callback on_lost_;
  LeaseRow row_;
  std::string bytes_;              // of the lease, as last known
  std::string grant_;              // of the grant
  base::Duration renewed_at_{0};   // before the renewal was sent
  base::Duration valid_until_{0};  // since boot
  bool wanted_ = false;            // somebody relied on it since it was renewed
  std::optional<base::Error> lost_;
  base::Notifier wanted_changed_;
  base::Notifier settled_;  // it was renewed, or lost
  base::TaskGroup tasks_;   // last: its frames use everything above
};

}  // namespace thalweg::metadata
