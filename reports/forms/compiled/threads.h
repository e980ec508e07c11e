// Threads that share an image.
//
// A step is divided into parts. Each thread takes its own part first, then those that nobody has
// begun: a thread that the machine does not run at the moment holds the others up only if it is in
// the middle of a part. All parts of a step are done before the next step begins.

#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

// A thread that waits lets others run after SPIN, and sleeps after WATCH: on a virtual machine a
// processor that has nothing to do takes longer to wake than most steps last.
constexpr std::chrono::microseconds SPIN{20}, WATCH{1000};

// The parts of all steps, numbered one after the other.
class Shared {
public:
    // Computes part `part` of `parts` of a step; `thread`: who does it.
    using Compute = std::function<void(int64_t step, int64_t part, int64_t parts, int64_t thread)>;

    Shared(const std::vector<int64_t>& parts, Compute compute)
        : parts(parts), compute(std::move(compute)) {
        int64_t all = 0;
        for (int64_t each : parts) all += each;
        begun.reset(new std::atomic<bool>[all]());
    }

    // What thread `thread` does for the image. One that comes too late finds everything begun, and
    // touches nothing of the image.
    void work(int64_t thread) {
        int64_t first = 0;  // part of the step
        for (size_t step = 0; step < parts.size(); ++step) {
            const int64_t count = parts[step];
            for (int64_t i = 0; i < count; ++i) {
                const int64_t part = (thread + i) % count;
                if (begun[first + part].exchange(true)) continue;
                compute(step, part, count, thread);
                ++done;
                if (asleep) {
                    std::lock_guard<std::mutex> lock(mutex);
                    changed.notify_all();
                }
            }
            first += count;
            wait_for(first);
        }
    }

private:
    void wait_for(int64_t all) {
        if (done >= all) return;
        const auto begin = std::chrono::steady_clock::now();
        while (done < all) {
            const auto waited = std::chrono::steady_clock::now() - begin;
            if (waited < SPIN) continue;
            if (waited < WATCH) {
                std::this_thread::yield();
                continue;
            }
            std::unique_lock<std::mutex> lock(mutex);
            ++asleep;
            changed.wait(lock, [&] { return done >= all; });
            --asleep;
        }
    }

    const std::vector<int64_t> parts;
    const Compute compute;
    std::unique_ptr<std::atomic<bool>[]> begun;
    std::atomic<int64_t> done{0}, asleep{0};
    std::mutex mutex;
    std::condition_variable changed;
};

// Threads that wait for images. Where the machine gives none, the calling thread does everything.
class Team {
public:
    explicit Team(int64_t helpers) {
        try {
            for (int64_t i = 1; i <= helpers; ++i) threads.emplace_back([this, i] { help(i); });
        } catch (const std::system_error&) {
        }
    }

    ~Team() {
        give(nullptr);
        for (std::thread& each : threads) each.join();
    }

    void share(const std::vector<int64_t>& parts, Shared::Compute compute) {
        const auto shared = std::make_shared<Shared>(parts, std::move(compute));
        give(shared);
        shared->work(0);
    }

private:
    void give(std::shared_ptr<Shared> shared) {
        std::lock_guard<std::mutex> lock(mutex);
        given = std::move(shared);
        ++number;
        changed.notify_all();
    }

    void help(int64_t thread) {
        for (int64_t seen = 0;;) {
            std::unique_lock<std::mutex> lock(mutex);
            changed.wait(lock, [&] { return number != seen; });
            seen = number;
            const std::shared_ptr<Shared> shared = given;
            lock.unlock();
            if (!shared) return;
            shared->work(thread);
        }
    }

    std::vector<std::thread> threads;
    std::shared_ptr<Shared> given;
    int64_t number = 0;
    std::mutex mutex;
    std::condition_variable changed;
};
