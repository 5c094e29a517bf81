//! What an enrich operator asks of endpoints, and what they reply.

const std = @import("std");
const functions = @import("functions.zig");
const runtime = @import("runtime.zig");
const words = @import("words.zig");

/// What is asked of an endpoint, by the name that the job file gives it. The engine sends it: it adds the endpoint's URL and its secrets. It may be
/// sent more than once: it should ask, and change nothing. `pelton.get` and `pelton.post` make one.
pub const Request = struct {
    it: runtime.Request,

    /// Adds `name=value` to the query, encoded.
    pub fn query(self: Request, name: []const u8, value: []const u8) Request {
        const sign: []const u8 = if (std.mem.findScalar(u8, self.it.path.slice(), '?') == null) "?" else "&";
        var request = self;
        request.it.path = .of(words.print("{s}{s}{s}={s}", .{ self.it.path.slice(), sign, encode(name), encode(value) }));
        return request;
    }

    /// Adds a header. Those that the job file sets, and those that say how the request is sent, are not a module's to set.
    pub fn header(self: Request, name: []const u8, value: []const u8) Request {
        const count = self.it.headers_count;
        const all = words.allocator.alloc(runtime.Header, count + 1) catch unreachable;
        if (count > 0) @memcpy(all[0..count], self.it.headers.?[0..count]);
        all[count] = .{ .name = .of(name), .value = .of(value) };
        var request = self;
        request.it.headers = all.ptr;
        request.it.headers_count = count + 1;
        return request;
    }
};

/// Asks for what is at a path, which is appended to the endpoint's URL: `pelton.get("rates", "/latest/{s}", .{pelton.encode(bid.currency)})`.
pub fn get(endpoint: []const u8, comptime path: []const u8, arguments: anytype) Request {
    return .{ .it = .{ .endpoint = .of(endpoint), .method = .of("GET"), .path = .of(words.print(path, arguments)) } };
}

/// Asks by `body`, at a path.
pub fn post(endpoint: []const u8, comptime path: []const u8, arguments: anytype, body: []const u8) Request {
    var request = get(endpoint, path, arguments);
    request.it.method = .of("POST");
    request.it.body = .of(body);
    return request;
}

/// Text as it may stand within a segment of a path, or in a query: all but letters, digits, `-`, `_`, `.` and `~` becomes `%41`. The engine refuses a
/// segment that is `.` or `..`, however it is written: a row that may have one is for null.
pub fn encode(text: []const u8) []const u8 {
    const digits = "0123456789ABCDEF";
    const encoded = words.allocator.alloc(u8, 3 * text.len) catch unreachable;
    var size: usize = 0;
    for (text) |letter| switch (letter) {
        'a'...'z', 'A'...'Z', '0'...'9', '-', '_', '.', '~' => {
            encoded[size] = letter;
            size += 1;
        },
        else => {
            encoded[size..][0..3].* = .{ '%', digits[letter >> 4], digits[letter & 15] };
            size += 3;
        },
    };
    return encoded[0..size];
}

/// What an endpoint replied, or why there is no reply. Statuses such as 404 and 500 are replies; a refused connection, a timeout, or a body over the
/// endpoint's `max-reply` is an error. By then the engine has sent the request as often as the endpoint's `retries` allow, if it got no reply or
/// 429, 502, 503 or 504. Its texts live until the call ends.
pub const Reply = struct {
    it: *const runtime.Reply,

    /// 0 if there is no reply.
    pub fn status(self: Reply) u16 {
        return self.it.status;
    }

    /// Why there is no reply; null if there is one.
    pub fn failure(self: Reply) ?[]const u8 {
        return if (self.it.failed) self.it.failure.slice() else null;
    }

    /// A status from 200 to 299.
    pub fn isOk(self: Reply) bool {
        return !self.it.failed and self.it.status >= 200 and self.it.status < 300;
    }

    /// The first header of this name, whatever its case.
    pub fn header(self: Reply, name: []const u8) ?[]const u8 {
        const headers = self.it.headers orelse return null;
        for (headers[0..self.it.headers_count]) |its| {
            if (std.ascii.eqlIgnoreCase(its.name.slice(), name)) return its.value.slice();
        }
        return null;
    }

    pub fn body(self: Reply) []const u8 {
        return self.it.body.slice();
    }

    /// The body of a reply that is ok, as text; else the row is refused, with what came instead: `const text = try reply.text();`
    pub fn text(self: Reply) functions.Rejected![]const u8 {
        if (self.failure()) |why| return refuse("{s}", .{why});
        if (!self.isOk()) return refuse("status {d}", .{self.it.status});
        if (!std.unicode.utf8ValidateSlice(self.body())) return refuse("the reply is not UTF-8", .{});
        return self.body();
    }

    /// Has the whole batch asked again, after a while: replies that are errors, or all if there are none such. If that was done as often as the
    /// endpoint allows, the job fails. `return reply.again("not ready yet", .{});`
    pub fn again(self: Reply, comptime format: []const u8, arguments: anytype) functions.Rejected {
        const why = words.print(format, arguments);
        _ = runtime.pelton_reply_again_text(self.it, why.ptr, why.len);
        return error.Rejected;
    }
};

fn refuse(comptime format: []const u8, arguments: anytype) functions.Rejected {
    const reason = words.print(format, arguments);
    _ = runtime.pelton_reject_text(reason.ptr, reason.len);
    return error.Rejected;
}
