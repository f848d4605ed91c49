/* command/version.h - the MongoDB version whose behaviour this server shows.
 *
 * Invariant   version and wire version belong together: drivers switch features on by them.
 * Thread      constants.
 * Memory      none.
 * Errors      none.
 * Source      MONGODB.md 2.4: with wire version 25 drivers take the bulkWrite command for granted.
 */
#ifndef COMMAND_VERSION_H
#define COMMAND_VERSION_H

enum {
    COMMAND_MONGODB_MAJOR = 8,
    COMMAND_MONGODB_MINOR = 0,
    COMMAND_MONGODB_PATCH = 0,
    COMMAND_WIRE_VERSION_MAX = 25,
};

#define COMMAND_MONGODB_VERSION "8.0.0"
#define COMMAND_FEATURE_VERSION "8.0"

#endif
