//! Flights with the names of their airlines, and prices in the currency of the last rate: looked up in two side tables.
const std = @import("std");
const pelton = @import("pelton");

const Airline = struct { carrier: []const u8, name: ?[]const u8, founded: i32 };
const Rate = struct { rate: f64 };
const Tables = struct { airlines: pelton.TableBy(Airline, .carrier), @"fx-rates": pelton.Table(Rate) };

const Options = struct { factor: f64 };
const Flight = struct { carrier: []const u8, price: f64 };
const Named = struct { airline: ?[]const u8, founded: i32, price: f64 };

fn flights(flight: Flight, tables: Tables, options: *const Options) pelton.Rejected!?Named {
    if (std.mem.eql(u8, flight.carrier, "private")) return null;
    const airline = tables.airlines.find(flight.carrier) orelse return pelton.reject("no airline {s}", .{flight.carrier});
    const rates = tables.@"fx-rates".rows();
    const price = flight.price * rates[rates.len - 1].rate * options.factor;
    return .{ .airline = airline.name, .founded = airline.founded, .price = price };
}

pub const operator = pelton.transform(flights, .{});
